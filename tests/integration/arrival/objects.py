"""Data sets to send, as a modality would encode them, with sentinel identities."""

from __future__ import annotations

import struct

from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset
from pydicom.uid import UID, generate_uid

CR = "1.2.840.10008.5.1.4.1.1.1"
MR = "1.2.840.10008.5.1.4.1.1.4"
SR = "1.2.840.10008.5.1.4.1.1.88.33"
IMPLICIT_LE = "1.2.840.10008.1.2"
EXPLICIT_LE = "1.2.840.10008.1.2.1"
EXPLICIT_BE = "1.2.840.10008.1.2.2"
JPEG_2000 = "1.2.840.10008.1.2.4.90"


def radiograph(side: int = 64, **changes: object) -> Dataset:
    """Return a small CR image; each call is another instance of another study."""
    image = Dataset()
    image.SOPClassUID, image.SOPInstanceUID = UID(CR), generate_uid()
    image.StudyInstanceUID, image.SeriesInstanceUID = generate_uid(), generate_uid()
    image.PatientName, image.PatientID = "SENTINEL^PATIENT", "SENTINEL-ID"
    image.AccessionNumber, image.Modality, image.Manufacturer = "SENTINEL-ACC", "CR", "PHANTOM"
    image.StudyDate, image.StudyTime, image.SeriesNumber = "20260101", "120000", 1
    image.Rows, image.Columns, image.SamplesPerPixel = side, side, 1
    image.PhotometricInterpretation = "MONOCHROME2"
    image.BitsAllocated, image.BitsStored, image.HighBit, image.PixelRepresentation = 16, 12, 11, 0
    image.PixelData = struct.pack("<H", 2047) * (side * side)
    image["PixelData"].VR = "OW"
    for name, value in changes.items():
        setattr(image, name, value)
    return image


def encoded(image: Dataset, transfer_syntax: str = EXPLICIT_LE) -> bytes:
    """Return the data set as it goes over the wire."""
    syntax = UID(transfer_syntax)
    stream = DicomBytesIO()
    stream.is_implicit_VR, stream.is_little_endian = syntax.is_implicit_VR, syntax.is_little_endian
    write_dataset(stream, image)
    return stream.getvalue()
