"""One course for every network: examples of a dataset, a recipe, epochs that can be interrupted, a bundle at the end.

The three shipped bundles have their own way (training/run.py); this one is for a site's images, or for phantoms that were
written as DICOM and read back as a site's would be.
"""
