"""Angles of a corner network and of the truth beside them: one geometry, one gate."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from workers.interpret.alignment import UPPER_RIGHT
from workers.models.preprocess import AffineMap
from workers.training.course.angles import Spine, measures, tilt_error, true_spine
from workers.training.course.material import Shown
from workers.training.phantom.anatomy import sample_patient
from workers.training.phantom.radiograph import THORACIC, WHOLE, Exposure, Radiograph, render

_WHOLE = {"coverage": "WHOLE", "hardware": "none"}


def film(view: str) -> Radiograph:
    patient = replace(sample_patient(5), kyphosis=float(np.deg2rad(40)), deformities={})
    return render(patient, Exposure(view, WHOLE, rows=240))


def corners(taken: Radiograph) -> NDArray[np.float64]:
    """Thoracic and lumbar bodies, head first, and S1 from the side."""
    bodies = [level.corners for level in taken.levels if level.level[0] != "C"][::-1]
    return np.array([*bodies, *([taken.sacrum] if taken.sacrum else [])], float)


def names(taken: Radiograph) -> list[str]:
    bodies = [level.level for level in taken.levels if level.level[0] != "C"][::-1]
    return [*bodies, *(["S1"] if taken.sacrum else [])]


def true(taken: Radiograph, found: NDArray[np.float64] | None = None) -> Spine:
    same = AffineMap(((1.0, 0.0), (0.0, 1.0)), (0.0, 0.0))
    shown = Shown(corners(taken) if found is None else found, same, (1.0, 1.0))
    return true_spine(shown, names(taken), taken.view, {})


def said(taken: Radiograph, found: NDArray[np.float64] | None = None, **groups: str) -> object:
    spacing = (taken.spacing_mm, taken.spacing_mm)
    return measures(true(taken, found), spacing, taken.view, {**_WHOLE, **groups}, 0.3)


def test_a_lateral_of_the_whole_spine_gives_three_angles() -> None:
    taken = film("LATERAL")
    angles = said(taken)
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
    there, here = said(taken), said(taken, turned, anterior="right")
    assert isinstance(there, dict) and here == pytest.approx(there)


def test_metal_and_a_missing_body_are_not_measured() -> None:
    taken = film("LATERAL")
    assert said(taken, hardware="fusion") == "IMPLANT"
    whole = true(taken)
    one_less = replace(
        whole,
        corners=np.delete(whole.corners, 8, axis=0),
        scores=np.delete(whole.scores, 8),
        counted=replace(whole.counted, levels=whole.counted.levels[1:]),
    )
    spacing = (taken.spacing_mm, taken.spacing_mm)
    angles = measures(one_less, spacing, taken.view, _WHOLE, 0.3)
    assert isinstance(angles, dict) and "kyphosis" not in angles, "T4 to T12 has a gap"
    assert angles["lordosis"] == pytest.approx(said(taken)["lordosis"])  # type: ignore[index]  # a dictionary


def test_a_film_that_ends_above_s1_has_a_truth_for_no_angle_from_s1() -> None:
    taken = render(sample_patient(5), Exposure("LATERAL", THORACIC, rows=240))
    assert taken.sacrum == ()
    assert said(taken, coverage="PARTIAL") in ("LEVELS_UNKNOWN", "TOO_FEW_VERTEBRAE") or set(
        said(taken)  # type: ignore[call-overload]  # a dictionary
    ) == {"kyphosis"}


def test_a_film_that_the_dataset_calls_whole_ends_with_its_bodies_whatever_their_names() -> None:
    same = AffineMap(((1.0, 0.0), (0.0, 1.0)), (0.0, 0.0))
    shown = Shown(corners(film("AP"))[:9], same, (1.0, 1.0))
    names_of_some = [f"T{number}" for number in range(1, 10)]
    assert true_spine(shown, names_of_some, "AP", {}).counted.complete == (True, False)
    assert true_spine(shown, names_of_some, "AP", _WHOLE).counted.complete == (True, True)


def test_a_frontal_film_gives_its_largest_curve() -> None:
    angles = said(film("AP"))
    assert isinstance(angles, dict) and set(angles) == {"cobb"}


def test_the_error_of_tilts_is_in_degrees_and_ignores_bodies_that_were_not_found() -> None:
    taken = film("AP")
    truth = corners(taken)
    moved = np.delete(truth, 3, axis=0) + np.array([2.0, 0.0])
    error = tilt_error(truth, moved, (0.5, 0.5))
    assert len(error) == 2 * (len(truth) - 1)
    assert np.abs(error).max() == pytest.approx(0), "moved together"
    tilted = truth.copy()
    tilted[:, UPPER_RIGHT, 0] += 1.0
    error = tilt_error(truth, tilted, (0.5, 0.5))
    widths = np.linalg.norm(truth[:, UPPER_RIGHT] - truth[:, 0], axis=-1)
    assert error[: len(truth)] == pytest.approx(np.degrees(1 / widths), rel=0.1)
    assert np.abs(error[len(truth) :]).max() == pytest.approx(0)


def test_truth_is_kept_in_the_prepared_image_and_read_back() -> None:
    taken = film("AP")
    back = AffineMap(((2.0, 0.0), (0.0, 2.0)), (0.5, 0.5))
    shown = Shown(back.to_prepared(corners(taken)), back, (1.0, 1.0))
    assert np.allclose(true_spine(shown, names(taken), "AP", _WHOLE).corners, corners(taken))
