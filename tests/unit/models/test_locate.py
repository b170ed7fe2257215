"""Ordering of vertebral centres: a curved chain is followed, strays are left out."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from workers.models.locate import axis_angles, body_outline, chain, estimate_spacing
from workers.training.batches import heat

SHAPE = (96, 48)


def _spine(count: int, step: float, bend: float) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    rows = 24 + np.arange(count) * step
    columns = 96 + bend * np.sin(np.arange(count) / 3.0)
    return np.stack([rows, columns], axis=1)


@settings(max_examples=40, deadline=None)
@given(count=st.integers(5, 14), step=st.floats(12, 24), bend=st.floats(0, 20))
def test_a_bent_spine_comes_back_in_order_from_head_to_foot(count: int, step: float, bend: float) -> None:
    truth = _spine(count, step, bend)
    found = chain(heat(truth, *SHAPE), stride=4, threshold=0.3)
    assert len(found.points) == count
    assert np.abs(found.points - truth).max() < 2.0


def test_a_stray_peak_beside_the_spine_is_left_out() -> None:
    truth = _spine(8, 22, 8)
    stray = np.array([[110.0, 20.0]])
    found = chain(heat(np.concatenate([truth, stray]), *SHAPE), stride=4, threshold=0.3)
    assert np.abs(found.points[:, 1] - 20).min() > 40


def test_an_empty_map_gives_an_empty_chain() -> None:
    found = chain(np.zeros(SHAPE, np.float32), stride=4, threshold=0.3)
    assert found.points.shape == (0, 2)
    assert found.angles.shape == (0,)


def test_a_single_peak_points_straight_down() -> None:
    found = chain(heat(np.array([[100.0, 90.0]]), *SHAPE), stride=4, threshold=0.3)
    assert len(found.points) == 1
    assert found.angles[0] == 0


def test_the_axis_angle_is_positive_where_the_lower_part_turns_right() -> None:
    points = np.array([[0.0, 0.0], [10.0, 10.0], [20.0, 20.0]])
    assert np.allclose(axis_angles(points), np.pi / 4)


def test_a_body_outline_surrounds_its_centre_without_reaching_the_next() -> None:
    truth = _spine(6, 20, 0)
    corners = body_outline(truth, axis_angles(truth), 2)
    assert np.allclose(corners.mean(axis=0), truth[2])
    assert np.ptp(corners[:, 0]) < 20


def test_spacing_is_estimated_from_the_rhythm_of_the_spine() -> None:
    spacing = estimate_spacing(_spine(6, 50, 0), 35.0)
    assert spacing is not None
    assert abs(spacing - 0.7) < 1e-9
    assert estimate_spacing(_spine(2, 50, 0), 35.0) is None
