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
    bodies = replace(_bodies([-20.0, -15.0, -5.0, 5.0, 15.0, 20.0]), complete=(True, True))
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
    found = endplates.sagittal_angles(bodies, LEVELS, _below(bodies), "left", implants=False)
    assert not isinstance(found, Abstention)
    assert set(found) == {"LL L1-S1", "SS"}
    lordosis = found["LL L1-S1"]
    assert isinstance(lordosis, Angle) and isinstance(found["SS"], Angle)
    assert lordosis.degrees == pytest.approx(15.0 + 33.69, abs=0.01)


def _below(bodies: Bodies, width: float = 1.0) -> NDArray[np.float64]:
    return np.asarray(bodies.corners[-1].mean(axis=0) + [0.0, 22.0] + SACRUM * width)


def test_a_sacrum_that_is_none_spoils_what_is_measured_from_it() -> None:
    bodies = _bodies([12.0, 15.0, 8.0, 0.0, -8.0, -18.0])
    for sacrum in (SACRUM - 500.0, _below(bodies, 3.0), _below(bodies)[::-1]):
        found = endplates.sagittal_angles(bodies, LEVELS, sacrum, "left", implants=False)
        assert isinstance(found, dict) and set(found.values()) == {endplates.IMPLAUSIBLE}


THORAX = tuple(f"T{number}" for number in range(4, 13))


def test_what_lies_above_an_angle_does_not_spoil_it_and_what_lies_below_does() -> None:
    tilts = [float(tilt) for tilt in np.interp(np.arange(14), [0, 8, 9, 13], [-25.0, 15.0, 15.0, -15.0])]
    whole, levels = _bodies(tilts), (*THORAX, "L1", "L2", "L3", "L4", "L5")
    for spoilt, missing in (
        (2, {"TK T4-T12", "TK T5-T12"}),
        (11, {"TK T4-T12", "TK T5-T12", "LL L1-S1", "SS"}),
    ):
        corners = whole.corners.copy()
        corners[spoilt] = corners[spoilt][[1, 0, 2, 3]]
        bodies = replace(whole, corners=corners)
        found = endplates.sagittal_angles(bodies, levels, _below(whole), "left", implants=False)
        assert isinstance(found, dict)
        assert {name for name, angle in found.items() if angle == endplates.IMPLAUSIBLE} == missing


def test_a_body_found_twice_is_no_vertebra_more() -> None:
    whole = _bodies(CURVED)
    twice = np.insert(whole.corners, 4, whole.corners[4] - [0.0, 9.0], axis=0)
    found = endplates.cobb_angles(replace(whole, corners=twice, scores=np.full(10, 0.9)), implants=False)
    assert found == endplates.IMPLAUSIBLE


def test_a_curve_that_hardly_turns_back_before_the_border_may_go_on() -> None:
    tilts = [-18.0, -20.0, -12.0, 0.0, 12.0, 20.0, 10.0]
    assert endplates.cobb_angles(_bodies(tilts), implants=False) == endplates.CUT_OFF
    whole = endplates.cobb_angles(replace(_bodies(tilts), complete=(True, False)), implants=False)
    assert not isinstance(whole, Abstention) and whole[0][1].degrees == pytest.approx(40.0)


def test_an_error_of_tilts_goes_before_one_of_corners() -> None:
    known = replace(_bodies(CURVED), corner_mm=float("inf"), tilt_degrees=1.5)
    found = endplates.cobb_angles(known, implants=False)
    assert not isinstance(found, Abstention) and found[0][1].error == pytest.approx(1.5 * 2**0.5)
    unsure = endplates.cobb_angles(replace(known, tilt_degrees=3.0), implants=False)
    assert unsure == endplates.IMPRECISE


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
