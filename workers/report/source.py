"""Hop 9, the source images: what of each one a result may refer to, parsed without trust.

Promise: highdicom never meets a sender's header. It is given a stand-in that holds what it dereferences, with
values of our own making where the sender left them out or wrote them wrongly, and no patient in it; `wire.part10`
puts the patient back. Refuses, with Unprocessable, an image that no reference could name.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ComputedRadiographyImageStorage, ExplicitVRLittleEndian

from triage.domain.eligibility import RADIOGRAPH_CLASSES
from triage.domain.errors import Refused, Unprocessable
from triage.domain.identity import parse_uid
from triage.domain.mr_series import MR
from workers.report import header
from workers.report.mr_plane import MrPlane, plane_of

_DIGEST = re.compile(r"[0-9a-f]{64}")
_ORIENTATION = re.compile(r"[APLRHF]{1,3}")
_SPINE_PARTS = frozenset(
    {"SPINE", "CSPINE", "TSPINE", "LSPINE", "SSPINE", "TLSPINE", "LSSPINE", "WHOLESPINE"}
)
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Radiograph:
    """One source image, a radiograph or an MR slice (then with its plane where the header has it whole); lengths in
    pixels, spacing (row, column) in mm, '' and None where not known."""

    sop_instance_uid: str
    sop_class_uid: str
    study_instance_uid: str
    series_instance_uid: str
    digest: str
    rows: int
    columns: int
    monochrome: bool
    inverted: bool
    modality: str
    orientation: tuple[str, str] | None
    imager_spacing: tuple[float, float] | None
    aspect_ratio: tuple[int, int]
    body_part: str
    lossy: bool
    header: Dataset
    plane: MrPlane | None = None

    def stand_in(self) -> Dataset:
        """Return a data set that highdicom can dereference; it names the image and nobody's name.

        It poses as Computed Radiography: of an XA or RF image highdicom demands functional groups that those
        classes do not have. `restore_class` puts the true class into every reference afterwards.
        """
        ds = Dataset()
        ds.file_meta = FileMetaDataset()
        ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        ds.SOPClassUID, ds.SOPInstanceUID = ComputedRadiographyImageStorage, self.sop_instance_uid
        ds.StudyInstanceUID, ds.SeriesInstanceUID = self.study_instance_uid, self.series_instance_uid
        for keyword in ("PatientID", "PatientName", "PatientBirthDate", "PatientSex", "AccessionNumber"):
            setattr(ds, keyword, "")
        for keyword in ("StudyID", "StudyDate", "StudyTime", "ReferringPhysicianName"):
            setattr(ds, keyword, "")
        ds.Modality = self.modality
        ds.Rows, ds.Columns = self.rows, self.columns
        ds.SamplesPerPixel = 1
        ds.PhotometricInterpretation = "MONOCHROME1" if self.inverted else "MONOCHROME2"
        ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 16, 15, 0
        _copy_lossy(self, ds)
        if self.plane is not None:
            self.plane.write(ds)
        return ds

    def orientation_text(self) -> str:
        """Return Patient Orientation (0020,0020) as it may be written: '' when not known (type 2C)."""
        return "\\".join(self.orientation) if self.orientation else ""


def read(sop_instance_uid: str, path: Path) -> Radiograph:
    """Return the source image at `path`; raises Unprocessable when it cannot be referred to."""
    found = header.read_header(path)
    if _uid(found, "SOPInstanceUID") != sop_instance_uid:
        raise Unprocessable("source-mismatch", "the file of an image holds another image")
    # highdicom looks source classes up in a table of its own and knows nothing beyond it.
    sop_class = header.text(found, "SOPClassUID")
    if sop_class not in RADIOGRAPH_CLASSES and sop_class != MR:
        raise Unprocessable("not-a-radiograph", "results are written about radiographs and MR slices only")
    samples = header.unsigned(found, "SamplesPerPixel") or 1
    photometric = header.text(found, "PhotometricInterpretation")
    return Radiograph(
        sop_instance_uid=sop_instance_uid,
        sop_class_uid=_uid(found, "SOPClassUID"),
        study_instance_uid=_uid(found, "StudyInstanceUID"),
        series_instance_uid=_uid(found, "SeriesInstanceUID"),
        digest=_digest(path),
        rows=header.unsigned(found, "Rows") or 0,
        columns=header.unsigned(found, "Columns") or 0,
        monochrome=samples == 1 and photometric in {"", "MONOCHROME1", "MONOCHROME2"},
        inverted=photometric == "MONOCHROME1",
        modality=_modality(found),
        orientation=_orientation(found),
        imager_spacing=_spacing(found, "ImagerPixelSpacing"),
        aspect_ratio=_aspect_ratio(found),
        body_part=_body_part(found),
        lossy=header.text(found, "LossyImageCompression") == "01",
        header=found,
        plane=plane_of(found) if sop_class == MR else None,
    )


def restore_class(built: Dataset, images: Mapping[str, Radiograph]) -> None:
    """Write each referenced image's own SOP class next to its SOP Instance UID, wherever `built` refers to it."""
    for element in built:
        for item in element.value if element.VR == "SQ" else ():
            image = images.get(str(item.get("ReferencedSOPInstanceUID", "")))
            if image is not None:
                item.ReferencedSOPClassUID = image.sop_class_uid
            restore_class(item, images)


def _uid(found: Dataset, keyword: str) -> str:
    try:
        return parse_uid(header.text(found, keyword))
    except Refused as refused:
        raise Unprocessable("illegal-uid", f"an image carries no usable {keyword}") from refused


def _digest(path: Path) -> str:
    """Return the digest in the spool's name of the file, else that of its bytes."""
    if _DIGEST.fullmatch(path.stem):
        return path.stem
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _modality(found: Dataset) -> str:
    modality = header.text(found, "Modality")
    return modality if re.fullmatch(r"[A-Z]{2,16}", modality) else "OT"


def _orientation(found: Dataset) -> tuple[str, str] | None:
    pieces = header.parts(found, "PatientOrientation")
    if len(pieces) != 2 or not all(_ORIENTATION.fullmatch(piece) for piece in pieces):
        return None
    return pieces[0], pieces[1]


def _spacing(found: Dataset, keyword: str) -> tuple[float, float] | None:
    pair = header.numbers(found, keyword)
    return (pair[0], pair[1]) if len(pair) == 2 and min(pair) > 0 else None


def _aspect_ratio(found: Dataset) -> tuple[int, int]:
    """Return (vertical, horizontal) size of a pixel as a small integer ratio; (1, 1) when nothing says otherwise."""
    pair = _spacing(found, "PixelSpacing") or _spacing(found, "ImagerPixelSpacing")
    pair = pair or _spacing(found, "PixelAspectRatio") or (1.0, 1.0)
    ratio = Fraction(pair[0] / pair[1]).limit_denominator(1000)
    if not Fraction(1, 1000) <= ratio <= 1000:
        return 1, 1
    return ratio.numerator, ratio.denominator


def _body_part(found: Dataset) -> str:
    """Return the source's spine region, else SPINE: localised results are only made on what the gate saw as spine."""
    part = header.text(found, "BodyPartExamined")
    return part if part in _SPINE_PARTS else "SPINE"


def _copy_lossy(image: Radiograph, ds: Dataset) -> None:
    """Once lossy, always lossy (PS3.3 C.7.6.1.1.5): derived objects repeat it when the source states it usably."""
    if not image.lossy:
        return
    ds.LossyImageCompression = "01"
    ratios = header.numbers(image.header, "LossyImageCompressionRatio")
    methods = header.parts(image.header, "LossyImageCompressionMethod")
    if ratios and len(ratios) == len(methods) and all(re.fullmatch(r"[A-Z0-9_]{1,16}", m) for m in methods):
        ds.LossyImageCompressionRatio = [f"{ratio:.6g}" for ratio in ratios]
        ds.LossyImageCompressionMethod = list(methods)
