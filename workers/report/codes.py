"""Hop 9, the words: every code a result uses (results.md 3 says where each was verified).

Promise: standard codes wherever one exists; where none does, scheme 99SPINETRIAGE, which every object that uses
it identifies. Refuses "Absent": an unflagged study is "Not flagged", never free of fracture.
"""

from __future__ import annotations

from highdicom.coding_schemes import CodingSchemeIdentificationItem
from highdicom.sr import CodedConcept
from pydicom.sr.coding import Code

from triage.domain.finding import MeasureKind, TriageOutcome, View
from triage.domain.own_results import MANUFACTURER

LOCAL_SCHEME = "99SPINETRIAGE"

# highdicom insists on its own class for these two.
ENGLISH = CodedConcept("en", "RFC5646", "English")
DEVICE = CodedConcept("121007", "DCM", "Device")

COMPRESSION_FRACTURE = Code("42942008", "SCT", "Compression fracture of vertebral column")
IMAGING_PROCEDURE = Code("363679005", "SCT", "Imaging procedure")
PERCENT = Code("%", "UCUM", "Percent")
PIXELS = Code("{pixels}", "UCUM", "Pixels")
MILLIMETRE = Code("mm", "UCUM", "mm")
SOURCE = Code("260753009", "SCT", "Source")

CERTAINTY = Code("111012", "DCM", "Certainty of Finding")
IMAGE_VIEW = Code("111031", "DCM", "Image View")
COMMENT = Code("121106", "DCM", "Comment")
REPORT_TITLE = Code("126000", "DCM", "Imaging Measurement Report")
OUTLINE = Code("111041", "DCM", "Outline")
ARTIFICIAL_INTELLIGENCE = Code("123110", "DCM", "Artificial Intelligence")
PROCESSING_EQUIPMENT = Code("109102", "DCM", "Processing Equipment")
ACQUISITION_EQUIPMENT = Code("109101", "DCM", "Acquisition Equipment")
IMAGE_LIBRARY = Code("111028", "DCM", "Image Library")
IMAGE_LIBRARY_GROUP = Code("126200", "DCM", "Image Library Group")
MODALITY = Code("121139", "DCM", "Modality")
ROWS = Code("110910", "DCM", "Pixel Data Rows")
COLUMNS = Code("110911", "DCM", "Pixel Data Columns")
ORIENTATION_ROW = Code("111044", "DCM", "Patient Orientation Row")
ORIENTATION_COLUMN = Code("111043", "DCM", "Patient Orientation Column")
HORIZONTAL_SPACING = Code("111026", "DCM", "Horizontal Pixel Spacing")
VERTICAL_SPACING = Code("111066", "DCM", "Vertical Pixel Spacing")

UNDETERMINED = Code("373068000", "SCT", "Undetermined")
PRESENT = Code("52101004", "SCT", "Present")
IMPLANT = Code("40388003", "SCT", "Implant")
PRIORITY = Code("260870009", "SCT", "Priority")
EMERGENCY = Code("25876001", "SCT", "Emergency")
CLINICAL_COURSE = Code("263502005", "SCT", "Clinical course")
ACUTE_ONSET = Code("373933003", "SCT", "Acute onset")
PRE_OPERATIVE = Code("262068006", "SCT", "Pre-operative")
POST_OPERATIVE = Code("262061000", "SCT", "Post-operative")
ANATOMICAL_STRUCTURE = Code("91723000", "SCT", "Anatomical Structure")
SPINE = Code("421060004", "SCT", "Spine")
VERTEBRA = Code("51282000", "SCT", "Vertebra")

DEGREE = Code("deg", "UCUM", "degree")
ARM_OF_ANGLE = Code("121223", "DCM", "Arm of angle")
MEASUREMENT_FAILURE = Code("114006", "DCM", "Measurement failure")
# SNOMED CT has the deformities, not these two angles (results.md 3).
ANGLE_OF: dict[MeasureKind, Code] = {
    MeasureKind.COBB: Code("285285000", "SCT", "Cobb angle"),
    MeasureKind.KYPHOSIS: Code("RDE270", "RADELEMENT", "Thoracic kyphosis angle"),
    MeasureKind.LORDOSIS: Code("RDE271", "RADELEMENT", "Lumbar lordosis angle"),
}
SITE_OF: dict[MeasureKind, Code] = {
    MeasureKind.KYPHOSIS: Code("122495006", "SCT", "Thoracic spine"),
    MeasureKind.LORDOSIS: Code("122496007", "SCT", "Lumbar spine"),
}

TRIAGE_FLAG = Code("TRIAGE-FLAG", LOCAL_SCHEME, "Triage flag")
TRIAGE_TARGET = Code("TRIAGE-TARGET", LOCAL_SCHEME, "Condition looked for")
ATYPICAL_CURVE = Code("ATYPICAL-CURVE", LOCAL_SCHEME, "Atypical scoliosis curve pattern")
FLAGGED = Code("FLAGGED", LOCAL_SCHEME, "Flagged")
NOT_FLAGGED = Code("NOT-FLAGGED", LOCAL_SCHEME, "Not flagged")

FLAG_OF: dict[TriageOutcome, Code] = {
    TriageOutcome.FLAGGED: FLAGGED,
    TriageOutcome.NOT_FLAGGED: NOT_FLAGGED,
    TriageOutcome.ABSTAINED: UNDETERMINED,
}
VIEW_OF: dict[View, Code] = {
    View.AP: Code("399348003", "SCT", "antero-posterior"),
    View.LATERAL: Code("399067008", "SCT", "lateral"),
}
OPERATIVE_OF = {"PREOP": PRE_OPERATIVE, "POSTOP": POST_OPERATIVE}
IMPLANT_DEVICES = frozenset({"FUSION", "GROWTH", "TETHER"})
MODALITY_OF = {
    "1.2.840.10008.5.1.4.1.1.1": Code("CR", "DCM", "Computed Radiography"),
    "1.2.840.10008.5.1.4.1.1.1.1": Code("DX", "DCM", "Digital Radiography"),
    "1.2.840.10008.5.1.4.1.1.1.1.1": Code("DX", "DCM", "Digital Radiography"),
    "1.2.840.10008.5.1.4.1.1.12.1": Code("XA", "DCM", "X-Ray Angiography"),
    "1.2.840.10008.5.1.4.1.1.12.2": Code("RF", "DCM", "Radiofluoroscopy"),
    "1.2.840.10008.5.1.4.1.1.4": Code("MR", "DCM", "Magnetic Resonance"),
}
OTHER_MODALITY = Code("OT", "DCM", "Other Modality")

# PS3.16 CID 7192, from C3, T1 and L1 down.
_LEVELS = {
    f"{region}{first + place}": number
    for region, first, numbers in (
        ("C", 3, ("113205007", "5329002", "36978003", "36054005", "87391001")),
        ("T", 1, ("64864005", "53733008", "1626008", "73071006", "56401006", "45296009")),
        ("T", 7, ("62487009", "11068009", "82687006", "7610001", "12989004", "23215003")),
        ("L", 1, ("66794005", "14293000", "36470004", "11994002", "49668003")),
    )
    for place, number in enumerate(numbers)
}


def vertebra(level: str | None) -> Code:
    """Return the code of a level, or of a vertebra at no level that could be named (L6, T13, partial views)."""
    number = _LEVELS.get(level or "")
    return VERTEBRA if number is None else Code(number, "SCT", f"{level} vertebra")


def local_scheme() -> CodingSchemeIdentificationItem:
    """Return the identification of our own codes (PS3.3 C.12.1.1.5.2)."""
    return CodingSchemeIdentificationItem(
        LOCAL_SCHEME,
        name="Spine triage local codes",
        version="1",
        responsible_organization=MANUFACTURER,
    )
