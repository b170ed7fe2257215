"""The corner map is read back to the corners that made it, and the gate withholds what would be a wrong angle."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.unit.workers.spines import stacked
from workers.interpret import alignment, endplates
from workers.interpret.endplates import Angle, Bodies
from workers.models.ood import Abstention

CURVED = [0.0, -10.0, -20.0, -12.0, 0.0, 12.0, 20.0, 10.0, 0.0]
STRIDE = 4


def _bodies(tilts: list[float]) -> Bodies:
    corners = stacked(tilts)
    return Bodies(corners, np.full(len(corners), 0.9), corner_mm=0.7)


def _map_of(corners: NDArray[np.float64], height: int, width: int) -> NDArray[np.float32]:
    """What a perfect corner network would answer for corners [n, 4, 2] (row, column)."""
    cells = np.moveaxis(np.mgrid[: height // STRIDE, : width // STRIDE], 0, -1).astype(float)
    logits = np.zeros((*cells.shape[:2], 9), np.float32)
    logits[..., 0] = -6
    for body in corners:
        centre = (body.mean(axis=0) + 0.5) / STRIDE - 0.5
        away = ((cells - centre) ** 2).sum(axis=-1)
        logits[..., 0] = np.maximum(logits[..., 0], 5 - 3 * away)
        near = away < 4
        offsets = (body + 0.5) / STRIDE - 0.5 - cells[:, :, None, :]
        logits[near, 1:] = offsets.reshape(*cells.shape[:2], 8)[near]
    return logits


def test_a_perfect_map_gives_the_corners_and_the_angle_back() -> None:
    bodies = stacked([-15.0, -15.0, -8.0, 0.0, 8.0, 15.0, 15.0], width=44, height=30)
    corners = bodies[..., ::-1] + np.array([40.0, 128.0])
    found, scores = endplates.corners_of(_map_of(corners, 320, 256), STRIDE, 0.3)
    assert found.shape == corners.shape
    assert np.abs(found - corners).max() < 1e-3
    assert scores.min() > 0.9
    measured = alignment.cobb(alignment.to_millimetres(found, (0.5, 0.5)))
    assert measured.degrees == pytest.approx(30.0, abs=0.01)


def test_an_empty_map_gives_no_bodies() -> None:
    found, scores = endplates.corners_of(np.full((20, 10, 9), -6, np.float32), STRIDE, 0.3)
    assert found.shape == (0, 4, 2)
    assert len(scores) == 0


def test_a_curve_within_the_image_is_measured_with_its_error() -> None:
    found = endplates.cobb_angles(_bodies(CURVED), implants=False)
    assert not isinstance(found, Abstention)
    ((curve, angle),) = found
    assert (curve.upper, curve.lower) == (2, 6)
    assert angle.degrees == pytest.approx(40.0)
    assert 1.0 < angle.error < 3.0


def _without(index: int) -> Bodies:
    whole = _bodies(CURVED)
    return replace(
        whole, corners=np.delete(whole.corners, index, axis=0), scores=np.delete(whole.scores, index)
    )


def _crossed() -> Bodies:
    bodies = _bodies(CURVED)
    corners = bodies.corners.copy()
    corners[3] = corners[3][[1, 0, 2, 3]]
    return replace(bodies, corners=corners)


def _unsure() -> Bodies:
    bodies = _bodies(CURVED)
    return replace(bodies, scores=np.where(np.arange(9) == 6, 0.1, 0.9))


@pytest.mark.parametrize(
    ("bodies", "implants", "code"),
    [
        (_bodies(CURVED), True, "IMPLANT"),
        (_bodies(CURVED[:4]), False, "TOO_FEW_VERTEBRAE"),
        (_crossed(), False, "IMPLAUSIBLE_BODY"),
        (replace(_bodies(CURVED), corners=_bodies(CURVED).corners * np.nan), False, "IMPLAUSIBLE_BODY"),
        (replace(_bodies(CURVED), corners=_bodies(CURVED).corners[::-1]), False, "IMPLAUSIBLE_BODY"),
        (_without(4), False, "MISSING_VERTEBRA"),
        (_bodies([-20.0, -15.0, -5.0, 5.0, 15.0, 20.0]), False, "CURVE_LEAVES_IMAGE"),
        (_unsure(), False, "LOW_CONFIDENCE"),
        (replace(_bodies(CURVED), corner_mm=3.0), False, "IMPRECISE"),
    ],
)
def test_what_would_be_a_wrong_angle_is_not_measurable(bodies: Bodies, implants: bool, code: str) -> None:
    found = endplates.cobb_angles(bodies, implants=implants)
    assert isinstance(found, Abstention)
    assert found.code == code
    assert found.sentence.startswith("Not measurable: ")


def test_a_whole_spine_may_end_its_curve_at_its_last_vertebra() -> None:
    bodies = replace(_bodies([-20.0, -15.0, -5.0, 5.0, 15.0, 20.0]), whole=True)
    found = endplates.cobb_angles(bodies, implants=False)
    assert not isinstance(found, Abstention)
    assert found[0][1].degrees == pytest.approx(40.0)


def test_a_smaller_curve_that_runs_out_of_the_image_is_left_out() -> None:
    tilts = [-5.0, -22.0, -12.0, 0.0, 12.0, 22.0, 15.0, 5.0, 0.0, -2.0]
    found = endplates.cobb_angles(_bodies(tilts), implants=False)
    assert not isinstance(found, Abstention)
    assert [curve.convex for curve, _ in found] == ["right"]


SACRUM = np.array([[-18.0, 12.0], [18.0, -12.0]])
LEVELS = ("T12", "L1", "L2", "L3", "L4", "L5")


def test_a_lordosis_is_measured_and_carries_its_error() -> None:
    bodies = _bodies([12.0, 15.0, 8.0, 0.0, -8.0, -18.0])
    found = endplates.sagittal_angles(bodies, LEVELS, SACRUM, "left", implants=False)
    assert not isinstance(found, Abstention)
    assert set(found) == {"LL L1-S1", "SS"}
    assert found["LL L1-S1"].degrees == pytest.approx(15.0 + 33.69, abs=0.01)
    assert isinstance(found["SS"], Angle)


@pytest.mark.parametrize(
    ("levels", "anterior", "code"),
    [
        ((None,) * 6, "left", "LEVELS_UNKNOWN"),
        (LEVELS, None, "SIDE_UNKNOWN"),
        (("C3", "C4", "C5", "C6", "C7", "T1"), "left", "LEVELS_UNKNOWN"),
    ],
)
def test_a_lateral_image_without_levels_or_side_is_not_measurable(
    levels: tuple[str | None, ...], anterior: alignment.Side | None, code: str
) -> None:
    bodies = _bodies([12.0, 15.0, 8.0, 0.0, -8.0, -18.0])
    found = endplates.sagittal_angles(bodies, levels, None, anterior, implants=False)
    assert isinstance(found, Abstention)
    assert found.code == code
