"""How far apart the pixels are, and how far that can be trusted.

Promise: only a calibrated or corrected spacing is called the patient's; at the detector everything is
larger than life by the magnification, which may size a crop but never a length that is reported.
Refuses nothing: what makes no sense is as good as absent.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from pydicom.dataset import Dataset

from workers.decode.trouble import PARSER_TROUBLE

SMALLEST_MM = 0.02
LARGEST_MM = 5.0
SMALLEST_MAGNIFICATION = 1.0
LARGEST_MAGNIFICATION = 3.0
Pair = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Spacing:
    """(row, column) distance in mm between pixel centres: at the detector, and at the patient where known.

    The detector's is what networks are given; lengths are reported from the patient's or not at all.
    """

    detector_mm: Pair
    patient_mm: Pair | None


def spacing_of(dataset: Dataset) -> Spacing | None:
    """Return the spacing by PixelSpacing, ImagerPixelSpacing and magnification (PS3.3 10.7.1.3)."""
    pixel = _pair(dataset, "PixelSpacing")
    imager = _pair(dataset, "ImagerPixelSpacing") or _pair(dataset, "NominalScannedPixelSpacing")
    detector = imager or pixel
    if detector is None:
        return None
    if pixel and _is_calibrated(dataset, pixel, imager):
        return Spacing(detector, pixel)
    magnification = _magnification(dataset)
    if magnification is None:
        return Spacing(detector, None)
    return Spacing(detector, (detector[0] / magnification, detector[1] / magnification))


def _is_calibrated(dataset: Dataset, pixel: Pair, imager: Pair | None) -> bool:
    if _text(dataset, "PixelSpacingCalibrationType") in ("GEOMETRY", "FIDUCIAL"):
        return True
    if imager is None:
        return False
    return not all(math.isclose(a, b, rel_tol=1e-4) for a, b in zip(pixel, imager, strict=True))


def _magnification(dataset: Dataset) -> float | None:
    stated = _number(dataset, "EstimatedRadiographicMagnificationFactor")
    detector, patient = (
        _number(dataset, "DistanceSourceToDetector"),
        _number(dataset, "DistanceSourceToPatient"),
    )
    if stated is None and detector and patient:
        stated = detector / patient
    if stated is None or not SMALLEST_MAGNIFICATION <= stated <= LARGEST_MAGNIFICATION:
        return None
    return stated


def _pair(dataset: Dataset, keyword: str) -> Pair | None:
    value = _value(dataset, keyword)
    try:
        row, column = (float(number) for number in value)
    except (TypeError, ValueError):
        return None
    sane = all(SMALLEST_MM <= number <= LARGEST_MM for number in (row, column))
    return (row, column) if sane else None


def _number(dataset: Dataset, keyword: str) -> float | None:
    try:
        number = float(_value(dataset, keyword))
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) and number > 0 else None


def _text(dataset: Dataset, keyword: str) -> str:
    value = _value(dataset, keyword)
    return value.strip().upper() if isinstance(value, str) else ""


def _value(dataset: Dataset, keyword: str) -> Any:
    try:
        return dataset.get(keyword)
    except PARSER_TROUBLE:
        # A spacing that cannot be parsed must not cost the image.
        return None
