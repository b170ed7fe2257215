"""Hop 9, the source: the few header elements a result depends on, read from a file that may be hostile.

Promise: only the named elements are read (no pixels, no private groups), an inflated header is bounded, and the
values stay the bytes that were sent until a reader here parses them without raising. Refuses, with
Unprocessable, a file whose header cannot be read at all.
"""

from __future__ import annotations

import math
import re
import struct
import zlib
from io import BytesIO
from pathlib import Path

from pydicom import dcmread
from pydicom.datadict import tag_for_keyword
from pydicom.dataset import Dataset
from pydicom.errors import BytesLengthException, InvalidDicomError
from pydicom.filereader import read_dataset, read_file_meta_info
from pydicom.multival import MultiValue
from pydicom.sequence import Sequence
from pydicom.tag import BaseTag
from pydicom.uid import DeflatedExplicitVRLittleEndian

from triage.domain.errors import Unprocessable

# The identity that every result repeats (PS3.3 C.7.1.1, C.7.2.1, C.7.2.2), in the bytes of the source.
# fmt: off
IDENTITY_TEXT = (
    "PatientName", "PatientID", "IssuerOfPatientID", "TypeOfPatientID", "PatientBirthDate", "PatientBirthTime",
    "PatientSex", "OtherPatientIDs", "OtherPatientNames", "EthnicGroup", "PatientComments",
    "PatientSpeciesDescription", "PatientBreedDescription", "ResponsiblePerson", "ResponsiblePersonRole",
    "ResponsibleOrganization", "PatientIdentityRemoved", "DeidentificationMethod", "QualityControlSubject",
    "LongitudinalTemporalInformationModified", "StudyDate", "StudyTime", "StudyID", "StudyDescription",
    "AccessionNumber", "ReferringPhysicianName", "PatientAge", "PatientSize", "PatientWeight", "MedicalAlerts",
    "Allergies", "Occupation", "PatientSexNeutered", "AdditionalPatientHistory", "AdmissionID",
    "TimezoneOffsetFromUTC",
)
IDENTITY_SEQUENCES = (
    "IssuerOfPatientIDQualifiersSequence", "IssuerOfAccessionNumberSequence", "OtherPatientIDsSequence",
    "PatientSpeciesCodeSequence", "PatientBreedCodeSequence", "BreedRegistrationSequence", "ProcedureCodeSequence",
    "DeidentificationMethodCodeSequence", "IssuerOfAdmissionIDSequence",
)
EQUIPMENT_TEXT = (
    "Manufacturer", "ManufacturerModelName", "DeviceSerialNumber", "SoftwareVersions", "StationName",
    "InstitutionName", "InstitutionAddress", "InstitutionalDepartmentName",
)
_IMAGE = (
    "SpecificCharacterSet", "SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "Modality",
    "Rows", "Columns", "SamplesPerPixel", "PhotometricInterpretation", "PixelRepresentation", "BodyPartExamined",
    "PatientOrientation", "ImagerPixelSpacing", "PixelSpacing", "PixelAspectRatio", "RescaleIntercept",
    "RescaleSlope", "RescaleType", "ModalityLUTSequence", "WindowCenter", "WindowWidth", "VOILUTFunction",
    "FrameOfReferenceUID", "ImageOrientationPatient", "ImagePositionPatient", "SliceThickness",
    "VOILUTSequence", "LossyImageCompression", "LossyImageCompressionRatio", "LossyImageCompressionMethod",
)
# fmt: on
_KEYWORDS = (*IDENTITY_TEXT, *IDENTITY_SEQUENCES, *EQUIPMENT_TEXT, *_IMAGE)
_INFLATE_LIMIT = 64 << 20
_PIXEL_GROUP = 0x7FE0
# What pydicom 3.0 raises on the malformed corpus and under fuzzing; anything else is a fault of ours and must be seen.
# fmt: off
ODD_HEADER = (
    InvalidDicomError, BytesLengthException, EOFError, ValueError, TypeError, KeyError, AttributeError, IndexError,
    NotImplementedError, OverflowError, RecursionError, struct.error, zlib.error,
)
# fmt: on
_UNREADABLE = "the header of an image could not be read again"
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


def tag(keyword: str) -> int:
    """Return the tag of a standard keyword."""
    number = tag_for_keyword(keyword)
    if number is None:
        raise KeyError(keyword)
    return number


_TAGS = [tag(keyword) for keyword in _KEYWORDS]


def read_header(path: Path) -> Dataset:
    """Return the named elements of the Part 10 file at `path`, still raw; raises Unprocessable."""
    try:
        if _is_deflated(path):
            return _read_deflated(path)
        return dcmread(path, stop_before_pixels=True, force=True, specific_tags=list(_TAGS))
    except ODD_HEADER as odd:
        raise Unprocessable("header-unreadable", _UNREADABLE) from odd
    except OSError as odd:
        if odd.errno is not None:  # the disk's trouble, not the sender's: pydicom's own OSError has no number
            raise
        raise Unprocessable("header-unreadable", _UNREADABLE) from odd


def raw(header: Dataset, keyword: str) -> bytes | None:
    """Return the value bytes of a text element, without padding, or None when it is absent or no text."""
    element = header.get_item(BaseTag(tag(keyword)))
    value = None if element is None else element.value
    if isinstance(value, bytes):
        return value.rstrip(b"\0 ")
    # pydicom parses the character set while it reads; its values are code strings, so this loses nothing.
    if isinstance(value, str | MultiValue) and keyword == "SpecificCharacterSet":
        whole = value if isinstance(value, str) else "\\".join(value)
        return whole.encode("latin-1", "replace")
    return None


def text(header: Dataset, keyword: str) -> str:
    """Return a text element for rules to look at (never to be written); '' when absent."""
    return (raw(header, keyword) or b"").decode("latin-1").strip("\0 ")


def parts(header: Dataset, keyword: str) -> tuple[str, ...]:
    """Return the values of a multi-valued text element."""
    whole = text(header, keyword)
    return tuple(piece.strip("\0 ") for piece in whole.split("\\")) if whole else ()


def numbers(header: Dataset, keyword: str) -> tuple[float, ...]:
    """Return a DS or IS element's finite values; () when one of them is no number."""
    pieces = parts(header, keyword)
    if not all(_NUMBER.fullmatch(piece) for piece in pieces):
        return ()
    found = tuple(float(piece) for piece in pieces)
    return found if all(math.isfinite(value) for value in found) else ()


def unsigned(header: Dataset, keyword: str) -> int | None:
    """Return a US element's first value, or None."""
    element = header.get_item(BaseTag(tag(keyword)))
    value = None if element is None else element.value
    if isinstance(value, bytes) and len(value) >= 2:
        little = getattr(element, "is_little_endian", True)
        return int.from_bytes(value[:2], "little" if little else "big")
    return value if isinstance(value, int) else None


def items(header: Dataset, keyword: str) -> tuple[Dataset, ...]:
    """Return a sequence's items; () when it is absent or cannot be read."""
    try:
        value = header[BaseTag(tag(keyword))].value if tag(keyword) in header else None
    except (*ODD_HEADER, OSError):  # parsed from memory: an OSError here is pydicom's word for a broken item
        return ()
    return tuple(value) if isinstance(value, Sequence) else ()


def _is_deflated(path: Path) -> bool:
    try:
        return str(read_file_meta_info(path).get("TransferSyntaxUID")) == DeflatedExplicitVRLittleEndian
    except (*ODD_HEADER, OSError):
        return False  # read_header meets the same trouble and gives it its name


def _read_deflated(path: Path) -> Dataset:
    with path.open("rb") as file:
        start = 132 + 12 + int(read_file_meta_info(path).FileMetaInformationGroupLength)
        file.seek(start)
        # The header comes before the pixels: what a bomb hides behind the limit is never needed here.
        inflated = zlib.decompressobj(-zlib.MAX_WBITS).decompress(file.read(_INFLATE_LIMIT), _INFLATE_LIMIT)
    return read_dataset(
        BytesIO(inflated),
        is_implicit_VR=False,
        is_little_endian=True,
        stop_when=lambda found, vr, length: found.group >= _PIXEL_GROUP,
        specific_tags=[BaseTag(number) for number in _TAGS],
    )
