"""Cobb angles, kyphosis and lordosis: worked examples, and what must hold for every spine."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.workers.spines import mirrored, stacked, turned
from workers.interpret import alignment

CURVED = [-10.0, -20.0, -16.0, -8.0, 0.0, 8.0, 16.0, 20.0, 10.0]
TILTS = st.lists(st.floats(-30, 30), min_size=5, max_size=18)


def test_two_endplates_that_rise_and_fall_one_in_three_make_37_degrees() -> None:
    upper = np.array([[0, 10], [30, 0], [30, 25], [0, 35]], float)
    middle = np.array([[0, 40], [30, 40], [30, 60], [0, 60]], float)
    lower = np.array([[0, 65], [30, 75], [30, 100], [0, 90]], float)
    curve = alignment.cobb(np.stack([upper, middle, lower]))
    assert curve.degrees == pytest.approx(2 * math.degrees(math.atan(1 / 3)))
    assert curve.degrees == pytest.approx(36.87, abs=0.005)
    assert (curve.upper, curve.lower) == (0, 2)


def test_the_most_tilted_vertebrae_are_the_end_vertebrae() -> None:
    curve = alignment.cobb(stacked(CURVED))
    assert (curve.upper, curve.apex, curve.lower) == (1, 4, 7)
    assert curve.degrees == pytest.approx(40.0)
    assert curve.convex == "right"


def test_a_straight_spine_has_no_angle_however_it_leans() -> None:
    assert alignment.cobb(stacked([0.0] * 8)).degrees == pytest.approx(0.0, abs=1e-9)
    assert alignment.cobb(stacked([12.0] * 8)).degrees == pytest.approx(0.0, abs=1e-9)


def test_wedged_end_vertebrae_count_from_their_outer_endplates() -> None:
    plain = alignment.cobb(stacked(CURVED)).degrees
    assert alignment.cobb(stacked(CURVED, wedge=6.0)).degrees == pytest.approx(plain + 6.0)


def test_a_double_curve_is_two_curves_that_bulge_to_different_sides() -> None:
    tilts = [-18.0, -15.0, -5.0, 5.0, 15.0, 18.0, 12.0, 0.0, -8.0, -12.0, -6.0]
    found = alignment.curves(stacked(tilts))
    assert [(c.upper, c.lower, c.convex) for c in found] == [(0, 5, "right"), (5, 9, "left")]
    assert [c.degrees for c in found] == pytest.approx([36.0, 30.0])


@pytest.mark.parametrize("anterior", ["left", "right"])
def test_kyphosis_and_lordosis_are_positive_in_their_usual_direction(anterior: alignment.Side) -> None:
    names = ["T4", "T5", "T8", "T12", "L1", "L5"]
    # Seen with the front to the left: T4 leans forward, L1 leans back, the sacrum falls forward.
    bodies = stacked([-25.0, -20.0, 0.0, 15.0, 20.0, -20.0])
    sacrum = turned(np.array([[-20.0, 0.0], [20.0, 0.0]]), -40.0)
    if anterior == "right":
        bodies, sacrum = mirrored(bodies), (sacrum * (-1.0, 1.0))[::-1]
    found = alignment.sagittal(dict(zip(names, bodies, strict=True)), sacrum, anterior)
    assert found == pytest.approx({"TK T4-T12": 40.0, "TK T5-T12": 35.0, "LL L1-S1": 60.0, "SS": 40.0})


def test_a_flat_back_and_a_reversed_curve_are_negative_or_none() -> None:
    bodies = dict(zip(["T4", "T12"], stacked([10.0, -5.0]), strict=True))
    assert alignment.sagittal(bodies, None, "left") == pytest.approx({"TK T4-T12": -15.0})
    assert alignment.sagittal({"L1": bodies["T4"]}, None, "left") == {}


def test_pixels_that_are_not_square_are_scaled_before_an_angle_is_taken() -> None:
    corners = np.array([[10.0, 0.0], [0.0, 30.0]])
    square = alignment.to_millimetres(corners, (1.0, 1.0))
    tall = alignment.to_millimetres(corners, (2.0, 1.0))
    rise = [math.degrees(math.atan2(*(p[0] - p[1])[::-1])) for p in (square[::-1], tall[::-1])]
    assert rise == pytest.approx([-math.degrees(math.atan(1 / 3)), -math.degrees(math.atan(2 / 3))])


@settings(max_examples=60, deadline=None)
@given(tilts=TILTS, turn=st.floats(-40, 40), scale=st.floats(0.2, 5), shift=st.floats(-500, 500))
def test_turning_scaling_and_moving_leave_every_cobb_angle(
    tilts: list[float], turn: float, scale: float, shift: float
) -> None:
    bodies = stacked(tilts)
    angle = alignment.cobb(bodies).degrees
    assert alignment.cobb(turned(bodies, turn) * scale + shift).degrees == pytest.approx(angle, abs=1e-6)


@settings(max_examples=60, deadline=None)
@given(tilts=TILTS)
def test_a_mirrored_spine_has_the_same_angle_on_the_other_side(tilts: list[float]) -> None:
    bodies = stacked(tilts)
    plain, mirror = alignment.cobb(bodies), alignment.cobb(mirrored(bodies))
    assert mirror.degrees == pytest.approx(plain.degrees, abs=1e-9)
    if plain.degrees > 1e-6 and (plain.upper, plain.lower) == (mirror.upper, mirror.lower):
        assert mirror.convex != plain.convex


@settings(max_examples=60, deadline=None)
@given(tilts=TILTS, turn=st.floats(-40, 40))
def test_turning_the_film_leaves_kyphosis_and_moves_the_sacral_slope(tilts: list[float], turn: float) -> None:
    bodies = stacked(tilts)
    before, after = (alignment.kyphosis(b[0], b[-1], "left") for b in (bodies, turned(bodies, turn)))
    assert after == pytest.approx(before, abs=1e-6)
    sacrum = np.array([[-20.0, 5.0], [20.0, -5.0]])
    slopes = [alignment.sacral_slope(s, "left") for s in (sacrum, turned(sacrum, turn))]
    assert slopes[1] == pytest.approx(slopes[0] - turn, abs=1e-6)


@settings(max_examples=60, deadline=None)
@given(tilts=TILTS)
def test_kyphosis_does_not_depend_on_which_way_the_patient_faces(tilts: list[float]) -> None:
    bodies = stacked(tilts)
    facing = alignment.kyphosis(bodies[0], bodies[-1], "left")
    other = mirrored(bodies)
    assert alignment.kyphosis(other[0], other[-1], "right") == pytest.approx(facing, abs=1e-9)


@settings(max_examples=60, deadline=None)
@given(tilts=TILTS)
def test_no_pair_of_vertebrae_exceeds_the_cobb_angle(tilts: list[float]) -> None:
    bodies = stacked(tilts)
    upper, lower = alignment.tilts(bodies)
    best = max(
        abs(lower[j] - upper[i]) for i in range(len(tilts)) for j in range(i + 2, len(tilts))
    )  # fmt: skip
    assert alignment.cobb(bodies).degrees == pytest.approx(best, abs=1e-9)


def test_the_error_of_an_angle_is_what_shaking_the_corners_gives() -> None:
    bodies = stacked(CURVED)
    curve = alignment.cobb(bodies)
    rng = np.random.default_rng(0)
    shaken = []
    for _ in range(3000):
        upper, lower = alignment.tilts(bodies + rng.normal(0, 0.5, bodies.shape))
        shaken.append(lower[curve.lower] - upper[curve.upper])
    assert alignment.standard_error(bodies, curve, 0.5) == pytest.approx(float(np.std(shaken)), rel=0.05)
