"""Angles of a corner network and of the truth beside them: one geometry, one gate."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from workers.models.preprocess import AffineMap
from workers.training.course.angles import corner_error, measures, true_corners
from workers.training.course.material import Shown
from workers.training.phantom.anatomy import sample_patient
from workers.training.phantom.radiograph import WHOLE, Exposure, Radiograph, render

_WHOLE = {"coverage": "WHOLE", "hardware": "none"}


def film(view: str) -> Radiograph:
    patient = replace(sample_patient(5), kyphosis=float(np.deg2rad(40)), deformities={})
    return render(patient, Exposure(view, WHOLE, rows=240))


def corners(taken: Radiograph) -> NDArray[np.float64]:
    """Thoracic and lumbar bodies, head first, and S1 from the side."""
    bodies = [level.corners for level in taken.levels if level.level[0] != "C"][::-1]
    return np.array([*bodies, *([taken.sacrum] if taken.sacrum else [])], float)


def said(taken: Radiograph, found: NDArray[np.float64], **groups: str) -> object:
    spacing = (taken.spacing_mm, taken.spacing_mm)
    return measures(found, np.ones(len(found)), spacing, taken.view, {**_WHOLE, **groups}, 0.3)


def test_a_lateral_of_the_whole_spine_gives_three_angles() -> None:
    taken = film("LATERAL")
    angles = said(taken, corners(taken))
    assert isinstance(angles, dict)
    assert set(angles) == {"kyphosis", "lordosis", "slope"}
    assert 15 < angles["kyphosis"] < 60
    # S1 as it is drawn: the slope is the patient's but for the turn of the film.
    assert angles["slope"] == pytest.approx(float(np.rad2deg(taken.patient.sacral_slope)), abs=4)


def test_turning_the_patient_round_changes_no_angle() -> None:
    taken = film("LATERAL")
    width = taken.pixels.shape[1] - 1
    turned = corners(taken)[:, [1, 0, 3, 2]]
    turned[..., 1] = width - turned[..., 1]
    there, here = said(taken, corners(taken)), said(taken, turned, anterior="right")
    assert isinstance(there, dict) and here == pytest.approx(there)


def test_metal_and_a_missing_body_are_not_measured() -> None:
    taken = film("LATERAL")
    assert said(taken, corners(taken), hardware="fusion") == "IMPLANT"
    assert said(taken, np.delete(corners(taken), 8, axis=0)) == "MISSING_VERTEBRA"


def test_a_frontal_film_gives_its_largest_curve() -> None:
    angles = said(film("AP"), corners(film("AP")))
    assert isinstance(angles, dict) and set(angles) == {"cobb"}


def test_the_error_of_corners_is_in_millimetres_and_ignores_bodies_that_were_not_found() -> None:
    taken = film("AP")
    truth = corners(taken)
    found = np.delete(truth, 3, axis=0) + np.array([2.0, 0.0])
    error = corner_error(truth, found, (0.5, 0.5))
    assert len(error) == 8 * (len(truth) - 1)
    assert np.abs(error).max() == pytest.approx(1.0)


def test_truth_is_kept_in_the_prepared_image_and_read_back() -> None:
    taken = film("AP")
    back = AffineMap(((2.0, 0.0), (0.0, 2.0)), (0.5, 0.5))
    shown = Shown(back.to_prepared(corners(taken)), back, (1.0, 1.0))
    assert np.allclose(true_corners(shown), corners(taken))
