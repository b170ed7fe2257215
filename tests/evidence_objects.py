"""Small valid result objects: an SR, a segmentation and a presentation state's bytes, as Part 10 files."""

from __future__ import annotations

from io import BytesIO

import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import UID

from triage.domain.identity import derived_uid

EXPLICIT_LE, IMPLICIT_LE = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2"
OFFERED = (EXPLICIT_LE, IMPLICIT_LE)
SR_CLASS = "1.2.840.10008.5.1.4.1.1.88.34"
SEG_CLASS = "1.2.840.10008.5.1.4.1.1.66.4"
GSPS_CLASS = "1.2.840.10008.5.1.4.1.1.11.1"
CLASS_OF = {"SR-A": SR_CLASS, "SR-B": SR_CLASS, "SEG": SEG_CLASS, "GSPS": GSPS_CLASS}
RESULT_CLASSES = tuple(dict.fromkeys(CLASS_OF.values()))
MODALITY_OF = {"SR-A": "SR", "SR-B": "SR", "SEG": "SEG", "GSPS": "PR"}


def _code(value: str, scheme: str, meaning: str) -> Sequence:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return Sequence([item])


def _report(result: Dataset) -> None:
    result.ValueType = "CONTAINER"
    result.ContinuityOfContent = "SEPARATE"
    result.CompletionFlag, result.VerificationFlag, result.PreliminaryFlag = (
        "PARTIAL",
        "UNVERIFIED",
        "PRELIMINARY",
    )
    result.ConceptNameCodeSequence = _code("126000", "DCM", "Imaging Measurement Report")
    line = Dataset()
    line.RelationshipType, line.ValueType = "CONTAINS", "TEXT"
    line.ConceptNameCodeSequence = _code("121106", "DCM", "Comment")
    line.TextValue = "Model trained on synthetic phantoms. Not for clinical use."
    result.ContentSequence = Sequence([line])


def _segmentation(result: Dataset, rows: int) -> None:
    result.ImageType = ["DERIVED", "PRIMARY"]
    result.SegmentationType = "BINARY"
    result.NumberOfFrames = "1"
    result.Rows, result.Columns = rows, rows
    result.SamplesPerPixel, result.PhotometricInterpretation = 1, "MONOCHROME2"
    result.BitsAllocated, result.BitsStored, result.HighBit, result.PixelRepresentation = 1, 1, 0, 0
    result.PixelData = bytes((rows * rows // 8 + 1) // 2 * 2)


def result_file(name: str, study: str = "a", kind: str = "SR-A", rows: int = 16) -> bytes:
    """Return one result as a Part 10 file; the same arguments always give the same bytes."""
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = UID(EXPLICIT_LE)
    result = Dataset()
    result.file_meta = meta
    result.SOPClassUID = UID(CLASS_OF[kind])
    result.SOPInstanceUID = UID(derived_uid("evidence", name))
    result.StudyInstanceUID = UID(derived_uid("study", study))
    result.SeriesInstanceUID = UID(derived_uid("evidence series", name))
    result.StudyDate, result.StudyTime, result.ContentDate, result.ContentTime = (
        "20261121",
        "0900",
        "20261121",
        "0900",
    )
    result.AccessionNumber, result.ReferringPhysicianName, result.StudyID = "", "", ""
    result.PatientName, result.PatientID = "SENTINEL^PATIENT", "SENTINEL-ID"
    result.PatientBirthDate, result.PatientSex = "", ""
    result.Modality, result.SeriesNumber, result.InstanceNumber = MODALITY_OF[kind], "9001", "1"
    result.Manufacturer = "Spine Triage project"
    if kind.startswith("SR"):
        _report(result)
    elif kind == "SEG":
        _segmentation(result, rows)
    stream = BytesIO()
    pydicom.dcmwrite(stream, result, enforce_file_format=True)
    return stream.getvalue()
