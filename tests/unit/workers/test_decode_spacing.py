"""Which spacing is whose: the detector's sizes crops, only the patient's may be reported."""

from __future__ import annotations

from typing import Any

import pytest
from pydicom.dataset import Dataset

from workers.decode.spacing import Spacing, spacing_of


def spacing(**attributes: Any) -> Spacing | None:
    """Return the spacing of a header with these attributes."""
    ds = Dataset()
    for keyword, value in attributes.items():
        setattr(ds, keyword, value)
    return spacing_of(ds)


def test_no_spacing_is_none() -> None:
    assert spacing() is None


def test_imager_spacing_alone_is_the_detectors() -> None:
    assert spacing(ImagerPixelSpacing=[0.2, 0.1]) == Spacing((0.2, 0.1), None)


def test_pixel_spacing_equal_to_the_imagers_is_not_calibrated() -> None:
    found = spacing(ImagerPixelSpacing=[0.2, 0.2], PixelSpacing=[0.2, 0.2])
    assert found == Spacing((0.2, 0.2), None)


def test_pixel_spacing_that_differs_from_the_imagers_is_the_patients() -> None:
    found = spacing(ImagerPixelSpacing=[0.2, 0.2], PixelSpacing=[0.17, 0.17])
    assert found == Spacing((0.2, 0.2), (0.17, 0.17))


@pytest.mark.parametrize("kind", ["GEOMETRY", "FIDUCIAL"])
def test_a_calibration_type_makes_pixel_spacing_the_patients(kind: str) -> None:
    found = spacing(PixelSpacing=[0.2, 0.2], PixelSpacingCalibrationType=kind)
    assert found == Spacing((0.2, 0.2), (0.2, 0.2))


def test_magnification_brings_the_detectors_spacing_to_the_patient() -> None:
    found = spacing(ImagerPixelSpacing=[0.2, 0.2], EstimatedRadiographicMagnificationFactor=1.25)
    assert found is not None
    assert found.patient_mm == pytest.approx((0.16, 0.16))


def test_magnification_follows_from_the_two_distances() -> None:
    distances = {"DistanceSourceToDetector": 1800, "DistanceSourceToPatient": 1500}
    found = spacing(ImagerPixelSpacing=[0.12, 0.12], **distances)
    assert found is not None
    assert found.patient_mm == pytest.approx((0.1, 0.1))


@pytest.mark.parametrize("value", [0.0, 0.5, 40.0, float("nan")])
def test_a_magnification_that_cannot_be_is_not_used(value: float) -> None:
    found = spacing(ImagerPixelSpacing=[0.2, 0.2], EstimatedRadiographicMagnificationFactor=value)
    assert found == Spacing((0.2, 0.2), None)


@pytest.mark.parametrize("value", [[0, 0], [-0.2, 0.2], [100, 100], [0.2], "0.2"])
def test_a_spacing_that_cannot_be_is_as_good_as_absent(value: Any) -> None:
    assert spacing(ImagerPixelSpacing=value) is None


def test_digitised_film_has_the_scanners_spacing() -> None:
    assert spacing(NominalScannedPixelSpacing=[0.175, 0.175]) == Spacing((0.175, 0.175), None)
