"""The cast of the report tests: synthetic radiograph files with any header, and outcomes to write down."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

import numpy as np
from pydicom import dcmread
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import (
    ComputedRadiographyImageStorage,
    DigitalXRayImageStorageForPresentation,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    XRayAngiographicImageStorage,
    XRayRadiofluoroscopicImageStorage,
)

from triage.domain.finding import (
    ImageView,
    ModelIdentity,
    NotAnalysedImage,
    Outcome,
    Triage,
    TriageOutcome,
    VertebraFinding,
    View,
)
from triage.domain.identity import derived_uid
from workers.report import BuiltObject, Kind, Mode, Predecessor, ReportRequest

STUDY = derived_uid("test", "study")
STARTED = datetime(2026, 11, 21, 9, 30, 15, 250000, tzinfo=UTC)
ROWS, COLUMNS = 240, 200
_MODALITIES: dict[str, str] = {
    ComputedRadiographyImageStorage: "CR",
    DigitalXRayImageStorageForPresentation: "DX",
    XRayAngiographicImageStorage: "XA",
    XRayRadiofluoroscopicImageStorage: "RF",
}
MODELS = (
    ModelIdentity("view-gate", "1.0.0", "a" * 64, "synthetic-phantom"),
    ModelIdentity("vertebra-locator", "1.0.0", "b" * 64, "synthetic-phantom"),
    ModelIdentity("vertebra-fresh", "1.1.0", "c" * 64, "synthetic-phantom"),
)


@dataclass(frozen=True)
class NamedPatient:
    """A patient's name as bytes under a specific character set (PS3.5 annexes H, I, J and PS3.3 C.12.1.1.2)."""

    label: str
    character_set: str | None
    name: bytes


PATIENTS = (
    NamedPatient("default", None, b"Test^Default"),
    NamedPatient("latin1", "ISO_IR 100", "Müller^Jürgen".encode("latin-1")),
    NamedPatient("utf8", "ISO_IR 192", "Wang^XiaoDong=王^小东".encode()),
    NamedPatient("gb18030", "GB18030", "Wang^XiaoDong=王^小東".encode("gb18030")),
    NamedPatient("gbk-backslash", "GBK", "Wang^Yun=\u8a89^\u4e17".encode("gbk")),
    NamedPatient(
        "iso2022-ir87",
        "\\ISO 2022 IR 87",
        b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B=\x1b$B$d$^$@\x1b(B^\x1b$B$?$m$&\x1b(B",
    ),
    NamedPatient(
        "iso2022-ir149", "\\ISO 2022 IR 149", b"Hong^Gildong=\x1b$)C\xfb\xf3^\x1b$)C\xd1\xce\xd4\xd7"
    ),
)


def source_uid(name: str) -> str:
    """Return the SOP Instance UID of the source image of this name."""
    return derived_uid("test", "instance", name)


@dataclass
class Sources:
    """A folder of source files, as the spool would hold them."""

    folder: Path
    files: dict[str, Path] = field(default_factory=dict)

    def add(
        self, name: str, *, edit: Callable[[Dataset], None] | None = None, patient: NamedPatient = PATIENTS[0],
        photometric: str = "MONOCHROME2", sop_class: str = ComputedRadiographyImageStorage, implicit: bool = False,
    ) -> str:  # fmt: skip
        """Write one radiograph; `edit` changes its header last. Returns its SOP Instance UID."""
        ds = radiograph(name, patient, photometric, sop_class)
        if edit is not None:
            edit(ds)
        ds.file_meta = FileMetaDataset()
        ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID
        ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
        ds.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian
        path = self.folder / f"{name}.dcm"
        ds.save_as(path, enforce_file_format=True)
        # pydicom would re-encode the name: the bytes under test are put in by hand, at the same even length.
        data = path.read_bytes()
        padded = patient.name + b" " * (len(patient.name) % 2)
        path.write_bytes(data.replace(_placeholder(patient), padded, 1))
        self.files[source_uid(name)] = path
        return source_uid(name)


def _placeholder(patient: NamedPatient) -> bytes:
    length = len(patient.name) + len(patient.name) % 2
    return b"X" * length


def radiograph(name: str, patient: NamedPatient, photometric: str, sop_class: str) -> Dataset:
    """Return a valid CR or DX data set of a small synthetic picture."""
    ds = Dataset()
    if patient.character_set is not None:
        ds.SpecificCharacterSet = patient.character_set.split("\\")
    ds.ImageType = ["ORIGINAL", "PRIMARY", ""]
    ds.SOPClassUID, ds.SOPInstanceUID = sop_class, source_uid(name)
    ds.StudyInstanceUID, ds.SeriesInstanceUID = STUDY, derived_uid("test", "series", name)
    ds.PatientName, ds.PatientID = _placeholder(patient).decode("ascii"), "PHANTOM-1"
    ds.PatientBirthDate, ds.PatientSex, ds.PatientAge = "19500101", "F", "076Y"
    ds.StudyDate, ds.StudyTime, ds.StudyID, ds.AccessionNumber = "20261121", "101500", "S1", "ACC1"
    ds.StudyDescription, ds.ReferringPhysicianName = "Phantom spine", "Refer^Doctor"
    ds.Modality = _MODALITIES[sop_class]
    ds.SeriesNumber, ds.InstanceNumber = 1, 1
    ds.Manufacturer, ds.ManufacturerModelName = "Phantom Maker", "Ray"
    ds.PatientOrientation = ["A", "F"]
    ds.BodyPartExamined, ds.ViewPosition = "LSPINE", "LL"
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, photometric
    ds.Rows, ds.Columns = ROWS, COLUMNS
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 12, 11, 0
    ds.ImagerPixelSpacing = [0.2, 0.2]
    ds.WindowCenter, ds.WindowWidth = 2048, 4096
    ds.PixelData = (np.indices((ROWS, COLUMNS)).sum(axis=0) % 4096).astype("<u2").tobytes()
    if sop_class == DigitalXRayImageStorageForPresentation:
        _make_dx(ds, photometric)
    return ds


def _make_dx(ds: Dataset, photometric: str) -> None:
    ds.PresentationIntentType = "FOR PRESENTATION"
    ds.ImageLaterality = "U"
    ds.PixelIntensityRelationship, ds.PixelIntensityRelationshipSign = "LOG", 1
    ds.RescaleIntercept, ds.RescaleSlope, ds.RescaleType = 0, 1, "US"
    ds.PresentationLUTShape = "INVERSE" if photometric == "MONOCHROME1" else "IDENTITY"
    ds.LossyImageCompression, ds.BurnedInAnnotation = "00", "NO"
    ds.DetectorType = "DIRECT"
    ds.AnatomicRegionSequence = [_coded("122496007", "SCT", "Lumbar spine")]
    ds.AcquisitionContextSequence = []
    ds.PositionerType = "NONE"


def _coded(value: str, scheme: str, meaning: str) -> Dataset:
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = value, scheme, meaning
    return code


def lateral(uid: str) -> ImageView:
    """Return what the gate says of a lateral film with fusion metalwork whose header says AP."""
    return ImageView(
        uid, "LAT_POSTOP_FUSION", View.LATERAL, "PARTIAL", "POSTOP", "FUSION", 0.987, None,
        "Lateral spine.", View.AP, True, 0.2,
    )  # fmt: skip


def anteroposterior(uid: str) -> ImageView:
    """Return what the gate says of an AP film."""
    return ImageView(
        uid,
        "AP_PREOP_STANDING",
        View.AP,
        "WHOLE",
        "PREOP",
        "NONE",
        0.91,
        None,
        "AP spine.",
        View.AP,
        False,
        0.3,
    )


def abstained(uid: str) -> ImageView:
    """Return what the gate says of an image outside its training distribution."""
    return ImageView(
        uid,
        None,
        None,
        None,
        None,
        None,
        None,
        "outside-training",
        "Unlike the training images.",
        None,
        False,
        4.2,
    )


def vertebra(uid: str, level: str | None, column: float, row: float, p_fresh: float) -> VertebraFinding:
    """Return a vertebra of 50 x 30 pixels round (column, row)."""
    corners = ((-25.0, -15.0), (25.0, -14.0), (25.0, 15.0), (-25.0, 14.0), (-25.0, -15.0))
    outline = tuple((column + x, row + y) for x, y in corners)
    label = "fresh" if p_fresh >= 0.5 else "normal"
    return VertebraFinding(
        uid, level, label, (1 - p_fresh) * 0.8, (1 - p_fresh) * 0.2, p_fresh, (column, row), outline
    )


def outcome(
    views: tuple[ImageView, ...], vertebrae: tuple[VertebraFinding, ...] = (),
    flag: TriageOutcome = TriageOutcome.NOT_FLAGGED, not_analysed: tuple[NotAnalysedImage, ...] = (),
) -> Outcome:  # fmt: skip
    """Return an outcome with its triage answer."""
    answers = {
        TriageOutcome.FLAGGED: Triage(
            flag, 0.91, 0.5, "fresh-fracture", "Suspected fresh vertebral fracture."
        ),
        TriageOutcome.NOT_FLAGGED: Triage(flag, 0.08, 0.5, "below-threshold", "Below the operating point."),
        TriageOutcome.ABSTAINED: Triage(
            flag, None, None, "no-lateral", "No lateral spine radiograph to look at."
        ),
    }
    return Outcome(views, vertebrae, not_analysed, answers[flag], MODELS, {"decode": 12.5})


def request(
    result: Outcome, mode: Mode = Mode.ASSIST, revision: int = 1, predecessor: Predecessor | None = None
) -> ReportRequest:
    """Return the request to write `result` down."""
    return ReportRequest(7, STUDY, revision, STARTED, result, mode, predecessor)


def flagged_request(uid: str, mode: Mode = Mode.ASSIST) -> ReportRequest:
    """Return a flagged lateral with one named and one unnamed vertebra, and one that carries no flag."""
    found = (
        vertebra(uid, "L1", 100.5, 120.25, 0.91),
        vertebra(uid, None, 98.0, 160.0, 0.63),
        vertebra(uid, "L3", 99.0, 200.0, 0.03),
    )
    return request(outcome((lateral(uid),), found, TriageOutcome.FLAGGED), mode)


def read(built: BuiltObject) -> Dataset:
    """Return a built object as a receiver reads it."""
    return dcmread(BytesIO(built.payload))


def by_kind(built: tuple[BuiltObject, ...]) -> dict[Kind, Dataset]:
    """Return kind -> the last built object of that kind."""
    return {one.kind: read(one) for one in built}


def groups(report: Dataset) -> list[Dataset]:
    """Return the measurement groups of a report."""
    return list(report.ContentSequence[-1].ContentSequence)


def group(report: Dataset, identifier: str) -> Dataset:
    """Return the one group with this tracking identifier."""
    (found,) = [one for one in groups(report) if values(one, "112039") == [identifier]]
    return found


def values(container: Dataset, code_value: str) -> list[str]:
    """Return the values of a container's direct items under a concept: code values, texts, UIDs or numbers."""
    return [
        _value(item)
        for item in container.ContentSequence
        if "ConceptNameCodeSequence" in item and item.ConceptNameCodeSequence[0].CodeValue == code_value
    ]


def _value(item: Dataset) -> str:
    if item.ValueType == "CODE":
        return str(item.ConceptCodeSequence[0].CodeValue)
    if item.ValueType == "NUM":
        return str(item.MeasuredValueSequence[0].NumericValue)
    return str(item.get("TextValue") or item.get("UID") or item.ValueType)
