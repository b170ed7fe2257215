"""Hop 9, where an MR slice lies in the patient: what a segmentation on it must repeat (PS3.3 C.7.6.2, C.7.4.1).

Promise: all of it or nothing; numbers that are none count as absent.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from pydicom.dataset import Dataset
from pydicom.uid import MRImageStorage

from triage.domain.errors import Refused
from triage.domain.identity import parse_uid
from workers.report import header

_UNIT = 1e-2


@dataclass(frozen=True, slots=True)
class MrPlane:
    """Frame of reference, orientation (6), position (3), pixel spacing (row, column) and thickness in mm."""

    frame_of_reference_uid: str
    orientation: tuple[float, ...]
    position: tuple[float, ...]
    spacing: tuple[float, ...]
    thickness: float

    def write(self, ds: Dataset) -> None:
        """Put the plane into the stand-in that a library dereferences."""
        ds.SOPClassUID, ds.Modality = MRImageStorage, "MR"
        ds.FrameOfReferenceUID, ds.PositionReferenceIndicator = self.frame_of_reference_uid, ""
        ds.ImageOrientationPatient = [_decimal(value) for value in self.orientation]
        ds.ImagePositionPatient = [_decimal(value) for value in self.position]
        ds.PixelSpacing = [_decimal(value) for value in self.spacing]
        ds.SliceThickness = _decimal(self.thickness)


def plane_of(found: Dataset) -> MrPlane | None:
    """Return the plane of an MR image, None where the header does not hold it whole."""
    try:
        frame = parse_uid(header.text(found, "FrameOfReferenceUID"))
    except Refused:
        return None
    orientation = header.numbers(found, "ImageOrientationPatient")
    position, spacing = header.numbers(found, "ImagePositionPatient"), header.numbers(found, "PixelSpacing")
    if (len(orientation), len(position), len(spacing)) != (6, 3, 2) or min(spacing) <= 0:
        return None
    lengths = (math.hypot(*orientation[:3]), math.hypot(*orientation[3:]))
    if any(abs(length - 1) > _UNIT for length in lengths):
        return None
    thickness = header.numbers(found, "SliceThickness")
    thick = thickness[0] if len(thickness) == 1 and thickness[0] > 0 else max(spacing)
    return MrPlane(frame, orientation, position, spacing, thick)


def _decimal(value: float) -> str:
    """A DS value of at most 16 characters."""
    return f"{value:.8g}"
