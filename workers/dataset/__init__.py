"""Dataset: from a folder of DICOM and a label CSV to a manifest that training and evaluation can trust.

Promise: split by patient, native pixels read by the product's own decoder, every file and every image's
values under a SHA-256 digest; no name, identifier or date of a patient in the manifest.
Refuses: leakage between splits, labels that fit no image, images that fit no label.
"""
