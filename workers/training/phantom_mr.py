"""A phantom's sagittal T1 slices as a valid series of MR Image Storage objects (PS3.3 A.4), with sentinel identity."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from pydicom.dataset import FileDataset
from pydicom.uid import generate_uid

from workers.training.phantom.scanner import Slice
from workers.training.phantom_dicom import FilmHeader, Identity, begun, finished

MR = "1.2.840.10008.5.1.4.1.1.4"
THICKNESS_MM = 4.0


def series(slices: Sequence[Slice], identity: Identity, *, number: int = 1) -> tuple[FileDataset, ...]:
    """One object per slice, from the patient's right to the left, in one frame of reference."""
    ordered = sorted(slices, key=lambda one: one.x)
    return tuple(_instance(one, identity, number, place) for place, one in enumerate(ordered, 1))


def _instance(one: Slice, identity: Identity, number: int, place: int) -> FileDataset:
    header = FilmHeader(number, "MR", "SAG T1", None, None)
    data = begun(identity, header)
    data.SOPClassUID = MR
    data.SOPInstanceUID = generate_uid(
        entropy_srcs=["spine-triage phantom slice", identity.key, str(number), str(place)]
    )
    data.InstanceNumber, data.AcquisitionNumber = place, 1
    data.ImageType = ["ORIGINAL", "PRIMARY", "OTHER"]
    data.ContentDate, data.ContentTime = data.StudyDate, data.StudyTime
    data.AcquisitionDate, data.AcquisitionTime = data.StudyDate, data.StudyTime
    data.ImageComments = "SYNTHETIC PHANTOM, NOT A PATIENT"
    data.LossyImageCompression = "00"
    _sequence(data)
    _plane(data, one, identity)
    _pixels(data, one)
    return finished(data)


def _sequence(data: FileDataset) -> None:
    """A fast spin echo with the times of a T1-weighted one."""
    data.PatientPosition = "HFS"
    data.ScanningSequence, data.SequenceVariant, data.ScanOptions = "SE", "SK", ""
    data.MRAcquisitionType = "2D"
    data.RepetitionTime, data.EchoTime, data.EchoTrainLength = "550", "11", "3"
    data.MagneticFieldStrength = "1.5"
    data.ProtocolName = "T1 TSE SAG"


def _plane(data: FileDataset, one: Slice, identity: Identity) -> None:
    """Columns run to the back and rows to the feet (PS3.3 C.7.6.2.1.1)."""
    data.FrameOfReferenceUID = generate_uid(entropy_srcs=["spine-triage phantom frame", identity.key])
    data.PositionReferenceIndicator = ""
    data.ImageOrientationPatient = ["0", "1", "0", "0", "0", "-1"]
    data.ImagePositionPatient = [f"{value:.4f}" for value in (one.x, one.y, one.z)]
    data.PixelSpacing = [f"{one.pixel_mm:.6f}"] * 2
    data.SliceThickness = f"{THICKNESS_MM:g}"
    data.SliceLocation = f"{one.x:.4f}"


def _pixels(data: FileDataset, one: Slice) -> None:
    values = np.asarray(np.round(one.pixels * 4095), "<u2")
    data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
    data.Rows, data.Columns = values.shape
    data.BitsAllocated, data.BitsStored, data.HighBit, data.PixelRepresentation = 16, 12, 11, 0
    data.WindowCenter, data.WindowWidth = "2048", "4096"
    data.PixelData = values.tobytes()
    data["PixelData"].VR = "OW"
