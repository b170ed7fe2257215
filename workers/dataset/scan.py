"""Every DICOM image below a folder: its identity, its subgroups, and the digests of its bytes and of its values.

Promise: the values are the product's own decoder's, so the digest of one picture is the same whatever its
transfer syntax and header. The patient's identifier stays in memory.
Refuses nothing: what is no image, or cannot be decoded, is counted with its reason.
"""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import dcmread
from pydicom.dataset import Dataset

from triage.domain.errors import NotFound, TriageError
from workers.decode import decode
from workers.decode.trouble import PARSER_TROUBLE

_TAGS = [
    "SOPClassUID", "SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID", "PatientID", "IssuerOfPatientID",
    "PatientSex", "PatientAge", "PatientBirthDate", "StudyDate", "Modality", "ViewPosition", "Manufacturer",
    "ManufacturerModelName", "StationName", "Rows", "NumberOfFrames",
]  # fmt: skip
NO_IMAGE, NO_DICOM = "no-image", "no-dicom"
_OLDEST_BAND = 90


@dataclass(frozen=True, slots=True)
class ImageFile:
    """One image. `patient` is the issuer and identifier as sent: it never leaves this process."""

    path: Path
    sop_instance_uid: str
    series_instance_uid: str
    study_instance_uid: str
    patient_id: str
    issuer: str
    modality: str
    groups: Mapping[str, str]
    file_sha256: str
    pixel_sha256: str

    @property
    def patient(self) -> str:
        """Return what makes a patient one: the identifier within its issuer (PS3.3 C.2.2)."""
        return f"{self.issuer}\\{self.patient_id}" if self.patient_id else ""


@dataclass(frozen=True, slots=True)
class Unusable:
    """A file that is no usable image, and why."""

    path: Path
    sop_instance_uid: str
    reason: str


def files_below(folder: Path) -> list[Path]:
    """Return every file below the folder, in a fixed order."""
    if not folder.is_dir():
        raise NotFound("dicom", f"{folder} is no folder")
    return sorted(path for path in folder.rglob("*") if path.is_file())


def scan(paths: Iterable[Path]) -> Iterator[ImageFile | Unusable]:
    """Yield what each file is; one file is in memory at a time."""
    for path in paths:
        with warnings.catch_warnings():
            # pydicom's warnings quote the data set.
            warnings.simplefilter("ignore")
            found = _scanned(path)
        yield found


def _scanned(path: Path) -> ImageFile | Unusable:
    header = _header(path)
    if header is None:
        return Unusable(path, "", NO_DICOM)
    try:
        uid = str(header.get("SOPInstanceUID", "") or "")
        if header.get("Rows") is None or not uid:
            return Unusable(path, uid, NO_IMAGE)
        if int(header.get("NumberOfFrames", 1) or 1) > 1:
            return Unusable(path, uid, "multi-frame")
        values = decode(path).image.pixels
        return _image(path, uid, header, values)
    except TriageError as error:
        return Unusable(path, uid, error.reason)
    except PARSER_TROUBLE:
        return Unusable(path, "", "unreadable-header")


def _header(path: Path) -> Dataset | None:
    try:
        return dcmread(path, stop_before_pixels=True, specific_tags=list(_TAGS))
    except PARSER_TROUBLE:
        return None


def _image(path: Path, uid: str, header: Dataset, values: NDArray[Any]) -> ImageFile:
    return ImageFile(
        path=path,
        sop_instance_uid=uid,
        series_instance_uid=_text(header, "SeriesInstanceUID"),
        study_instance_uid=_text(header, "StudyInstanceUID"),
        patient_id=_text(header, "PatientID"),
        issuer=_text(header, "IssuerOfPatientID"),
        modality=_text(header, "Modality"),
        groups=_groups(header),
        file_sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        pixel_sha256=digest_of_values(values),
    )


def digest_of_values(values: NDArray[Any]) -> str:
    """Return the SHA-256 of the picture: its shape and its values as float64, whatever held them."""
    shape = "x".join(str(side) for side in values.shape).encode()
    return hashlib.sha256(shape + np.ascontiguousarray(values, "<f8").tobytes()).hexdigest()


def _text(header: Dataset, keyword: str) -> str:
    return str(header.get(keyword, "") or "").strip()


def _groups(header: Dataset) -> dict[str, str]:
    """Return the subgroups that a header tells, none of which tells who somebody is."""
    maker, model = _text(header, "Manufacturer"), _text(header, "ManufacturerModelName")
    found = {
        "scanner": " ".join(part for part in (maker, model) if part),
        "sex": _text(header, "PatientSex").upper(),
        "age_band": age_band(
            _text(header, "PatientAge"), _text(header, "PatientBirthDate"), _text(header, "StudyDate")
        ),
        "header_view": _text(header, "ViewPosition").upper(),
    }
    return {name: value for name, value in found.items() if value}


def age_band(age: str, born: str, taken: str) -> str:
    """Return the decade of life ("60-69", "90+"), or "" where the header does not tell it (PS3.5 AS, DA)."""
    years = -1
    if len(age) == 4 and age[:3].isdigit():
        years = int(int(age[:3]) * {"Y": 1.0, "M": 1 / 12, "W": 7 / 365, "D": 1 / 365}.get(age[3], -1.0))
    elif len(born) == len(taken) == 8 and (born + taken).isdigit():
        years = int(taken[:4]) - int(born[:4]) - (taken[4:] < born[4:])
    if not 0 <= years < 130:
        return ""
    # A very high age alone may tell who it is.
    decade = min(years // 10 * 10, _OLDEST_BAND)
    return f"{decade}+" if decade == _OLDEST_BAND else f"{decade}-{decade + 9}"
