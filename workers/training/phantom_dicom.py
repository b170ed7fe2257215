"""A phantom radiograph as a valid DX or CR object: 12 bits, MONOCHROME1 or 2, spacing, sentinel identity.

Promise: every name, identifier and date is made up and says PHANTOM, so that a test can look for it where it must not be.
View Position may be left out or be wrong on purpose, as it is on one real film in seven (models.md 1.6).
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian, generate_uid

DX = "1.2.840.10008.5.1.4.1.1.1.1"
CR = "1.2.840.10008.5.1.4.1.1.1"
_IMPLEMENTATION = generate_uid(entropy_srcs=["spine-triage phantom implementation"])


@dataclass(frozen=True)
class Identity:
    """The study a film belongs to. priority goes into the Request Attributes Sequence when it is not empty."""

    key: str
    number: int
    name: str
    sex: str
    birth: datetime.date
    when: datetime.datetime
    description: str
    priority: str = ""

    @property
    def study_uid(self) -> str:
        return str(generate_uid(entropy_srcs=["spine-triage phantom study", self.key]))


@dataclass(frozen=True)
class FilmHeader:
    """How one film is written. view_position None leaves the tag empty; spacing_mm None leaves it out."""

    number: int
    modality: str
    view: str
    view_position: str | None
    spacing_mm: float | None
    monochrome1: bool = False
    magnification: float | None = None
    body_part: str = "SPINE"


def _patient(data: Dataset, identity: Identity) -> None:
    data.PatientName = identity.name
    data.PatientID = f"PHANTOM-{identity.number:04d}"
    data.PatientBirthDate = identity.birth.strftime("%Y%m%d")
    data.PatientSex = identity.sex


def _study(data: Dataset, identity: Identity) -> None:
    data.StudyInstanceUID = identity.study_uid
    data.StudyDate = identity.when.strftime("%Y%m%d")
    data.StudyTime = identity.when.strftime("%H%M%S")
    data.ReferringPhysicianName = "PHANTOM^REFERRER"
    data.StudyID = f"P{identity.number}"
    data.AccessionNumber = f"PHANTOM{identity.number:04d}"
    data.StudyDescription = identity.description


def _series(data: Dataset, identity: Identity, film: FilmHeader) -> None:
    data.Modality = film.modality
    data.SeriesInstanceUID = generate_uid(
        entropy_srcs=["spine-triage phantom series", identity.key, str(film.number)]
    )
    data.SeriesNumber = film.number
    data.SeriesDate, data.SeriesTime = data.StudyDate, data.StudyTime
    data.SeriesDescription = f"{film.body_part} {film.view}"
    data.PatientPosition = ""
    data.BodyPartExamined = film.body_part
    if identity.priority:
        request = Dataset()
        request.RequestedProcedureID = f"RP{identity.number}"
        request.ScheduledProcedureStepID = f"SPS{identity.number}"
        request.ScheduledProcedureStepDescription = identity.description
        data.RequestAttributesSequence = Sequence([request])
        data.RequestedProcedurePriority = identity.priority


def _equipment(data: Dataset, film: FilmHeader) -> None:
    data.Manufacturer = "PHANTOM WORKS"
    data.InstitutionName = "PHANTOM HOSPITAL"
    data.StationName = "PHANTOM1"
    data.ManufacturerModelName = "SYNTHETIC DETECTOR"
    data.DeviceSerialNumber = "0"
    data.SoftwareVersions = "1"
    data.BurnedInAnnotation = "NO"


def _orientation(view: str) -> list[str]:
    return ["L", "F"] if view == "AP" else ["P", "F"]


def _dx_only(data: Dataset, film: FilmHeader) -> None:
    data.PresentationIntentType = "FOR PRESENTATION"
    data.ImageLaterality = "U"
    region = Dataset()
    region.CodeValue, region.CodingSchemeDesignator, region.CodeMeaning = (
        "421060004",
        "SCT",
        "Vertebral column",
    )
    data.AnatomicRegionSequence = Sequence([region])
    view = Dataset()
    lateral = ("399067008", "SCT", "lateral projection")
    frontal = ("399348003", "SCT", "antero-posterior")
    view.CodeValue, view.CodingSchemeDesignator, view.CodeMeaning = frontal if film.view == "AP" else lateral
    view.ViewModifierCodeSequence = Sequence([])
    data.ViewCodeSequence = Sequence([view])
    data.DetectorType = "DIRECT"
    data.PositionerType = ""
    data.AcquisitionContextSequence = Sequence([])
    if film.spacing_mm is not None:
        data.ImagerPixelSpacing = [_decimal(film.spacing_mm)] * 2


def _decimal(value: float) -> str:
    return f"{value:.6f}"


def _image(data: Dataset, identity: Identity, film: FilmHeader) -> None:
    data.SOPInstanceUID = generate_uid(
        entropy_srcs=["spine-triage phantom film", identity.key, str(film.number)]
    )
    data.SOPClassUID = DX if film.modality == "DX" else CR
    data.ImageType = ["ORIGINAL", "PRIMARY"] if film.modality == "CR" else ["ORIGINAL", "PRIMARY", ""]
    data.InstanceNumber = film.number
    data.PatientOrientation = _orientation(film.view)
    data.ContentDate, data.ContentTime = data.StudyDate, data.StudyTime
    data.AcquisitionDate, data.AcquisitionTime = data.StudyDate, data.StudyTime
    data.ImageComments = "SYNTHETIC PHANTOM, NOT A PATIENT"
    data.ViewPosition = film.view_position or ""
    data.LossyImageCompression = "00"
    if film.modality == "DX":
        _dx_only(data, film)
    elif film.spacing_mm is not None:
        data.ImagerPixelSpacing = [_decimal(film.spacing_mm)] * 2
    if film.spacing_mm is not None and film.magnification is not None:
        data.EstimatedRadiographicMagnificationFactor = _decimal(film.magnification)


def _pixels(data: Dataset, film: FilmHeader, picture: NDArray[np.float32]) -> None:
    values = np.asarray(np.round(np.clip(picture, 0, 1) * 4095), np.uint16)
    data.PhotometricInterpretation = "MONOCHROME1" if film.monochrome1 else "MONOCHROME2"
    data.PresentationLUTShape = "INVERSE" if film.monochrome1 else "IDENTITY"
    data.SamplesPerPixel = 1
    data.Rows, data.Columns = values.shape
    data.BitsAllocated, data.BitsStored, data.HighBit, data.PixelRepresentation = 16, 12, 11, 0
    data.PixelIntensityRelationship = "LOG"
    data.PixelIntensityRelationshipSign = -1 if film.monochrome1 else 1
    data.RescaleIntercept, data.RescaleSlope, data.RescaleType = "0", "1", "US"
    data.WindowCenter, data.WindowWidth = "2048", "4096"
    stored = 4095 - values if film.monochrome1 else values
    data.PixelData = stored.astype("<u2").tobytes()
    data["PixelData"].VR = "OW"


def film_dataset(
    picture: NDArray[np.float32], identity: Identity, film: FilmHeader, *, implicit: bool = False
) -> FileDataset:
    """A Part 10 data set ready to be saved."""
    data = begun(identity, film)
    _image(data, identity, film)
    _pixels(data, film, picture)
    return finished(data, implicit=implicit)


def begun(identity: Identity, film: FilmHeader) -> FileDataset:
    """A data set with patient, study, series and equipment."""
    data = FileDataset("", {}, file_meta=FileMetaDataset(), preamble=b"\0" * 128)
    data.SpecificCharacterSet = "ISO_IR 100"
    _patient(data, identity)
    _study(data, identity)
    _series(data, identity, film)
    _equipment(data, film)
    return data


def finished(data: FileDataset, *, implicit: bool = False) -> FileDataset:
    """The same data set with its file meta information."""
    meta = data.file_meta
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = data.SOPClassUID, data.SOPInstanceUID
    meta.TransferSyntaxUID = ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian
    meta.ImplementationClassUID = _IMPLEMENTATION
    return data
