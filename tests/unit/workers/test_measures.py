"""From a corner map to measures: angles with their endplates in stored pixels, or the reason why there are none."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.unit.workers.made_bundles import FEATURES, bundle
from tests.unit.workers.spines import Float, mirrored, stacked, turned
from tests.unit.workers.test_endplates import STRIDE, _map_of
from triage.domain.finding import ImageView, Measure, MeasureKind, Outcome, View
from workers.interpret import measures
from workers.interpret.alignment import Side
from workers.interpret.endplates import NOT_TRIED
from workers.interpret.measures import Film
from workers.models.preprocess import AffineMap, GrayImage, PreprocessSpec

HEIGHT, WIDTH = 512, 256
DOUBLED = AffineMap(((2.0, 0.0), (0.0, 2.0)), (0.5, 0.5))
INSIDE = np.zeros(FEATURES, np.float32)
TILTS = [0.0, -10.0, -20.0, -12.0, 0.0, 12.0, 20.0, 10.0, 0.0]
ALIGNMENT = bundle(
    "alignment",
    preprocessing=PreprocessSpec(HEIGHT, WIDTH, (1.0, 99.0), "symmetric"),
    calibration={"method": "none", "heatmap_threshold": 0.3, "corner_pixels": 0.5},
)


def view(which: View | None, operative: str | None = "PREOP", coverage: str = "PARTIAL") -> ImageView:
    return ImageView("1.2.3", "x", which, coverage, operative, "NONE", 0.9, None, "", None, False, 0.1)


def film(which: View | None = View.AP, front: Side | None = None, **more: str | None) -> Film:
    pixels = np.broadcast_to(np.uint8(0), (2 * HEIGHT, 2 * WIDTH))
    return Film(view(which, **more), GrayImage(pixels, (0.3, 0.3)), DOUBLED, front)  # type: ignore[arg-type]  # the test's own words


def in_pixels(bodies: Float) -> Float:
    """Bodies of 30 x 20 units (x, y) as corners (row, column) in the network's input."""
    return np.asarray(bodies[..., ::-1] + np.array([40.0, 128.0]))


def logits(bodies: Float) -> np.ndarray:
    return _map_of(in_pixels(bodies), HEIGHT, WIDTH)


def small(tilts: list[float]) -> Float:
    return stacked(tilts, width=44, height=30)


def only(found: tuple[Measure, ...], kind: MeasureKind) -> Measure:
    (one,) = [measure for measure in found if measure.kind is kind]
    return one


def test_a_cobb_angle_comes_with_its_endplates_in_stored_pixels() -> None:
    bodies = small(TILTS)
    (found,) = measures.measured(film(), logits(bodies), INSIDE, ALIGNMENT)
    assert (found.kind, found.abstained) == (MeasureKind.COBB, None)
    assert found.degrees == pytest.approx(40.0, abs=0.2)
    assert found.error is not None and 0 < found.error < 4
    assert found.upper is None, "levels of a partial view are not named"
    (left, right), _ = found.arms
    # Network pixel p lies at 2 p + .5 in the source, whose first pixel's centre is written as .5.
    expected = in_pixels(bodies)[2, :2][:, ::-1] * 2 + 1.0
    assert np.abs(np.array([left, right]) - expected).max() < 0.05


def test_pixels_that_are_not_square_are_scaled_before_an_angle_is_taken() -> None:
    wide = replace(film(), image=GrayImage(film().image.pixels, (0.3, 0.6)))
    (found,) = measures.measured(wide, logits(small(TILTS)), INSIDE, ALIGNMENT)
    assert found.degrees is not None and found.degrees < 30


@pytest.mark.parametrize(
    ("made", "features", "code"),
    [
        (film(operative="POSTOP"), INSIDE, "IMPLANT"),
        (film(operative=None), INSIDE, "IMPLANT_UNKNOWN"),
        (film(), INSIDE + 9, "OUT_OF_DISTRIBUTION"),
        (film(View.LATERAL, None), INSIDE, "SIDE_UNKNOWN"),
        (film(View.LATERAL, "left"), INSIDE, "LEVELS_UNKNOWN"),
    ],
)
def test_what_may_not_be_measured_says_why_for_every_angle_of_its_view(
    made: Film, features: np.ndarray, code: str
) -> None:
    found = measures.measured(made, logits(small(TILTS)), features, ALIGNMENT)
    assert made.view.view is not None
    assert [one.kind for one in found] == list(measures.KINDS[made.view.view])
    assert {one.abstained for one in found} == {code}
    assert all(one.degrees is None and one.arms == () and one.sentence for one in found)


LEVELS = ["T4", "T5", "T8", "T12", "L1", "L5", "S1"]
NAMED = replace(ALIGNMENT, scope={"levels": LEVELS})


def sagittal_bodies() -> Float:
    """T4 leans forward, L1 back; the sacrum falls forward; the patient faces left."""
    bodies = small([-25.0, -20.0, 0.0, 15.0, 20.0, -20.0])
    sacrum = turned(small([0.0])[0], -40.0) + bodies[-1].mean(axis=0) + np.array([0.0, 44.0])
    return np.concatenate([bodies, sacrum[None]])


@pytest.mark.parametrize("front", ["left", "right"])
def test_kyphosis_and_lordosis_are_named_and_positive_whichever_way_the_patient_faces(
    front: Side,
) -> None:
    bodies = sagittal_bodies() if front == "left" else mirrored(sagittal_bodies())
    made = film(View.LATERAL, front, coverage="WHOLE")
    found = measures.measured(made, logits(bodies), INSIDE, NAMED)
    kyphosis, lordosis = only(found, MeasureKind.KYPHOSIS), only(found, MeasureKind.LORDOSIS)
    assert (kyphosis.upper, kyphosis.lower) == ("T4", "T12")
    assert (lordosis.upper, lordosis.lower) == ("L1", "S1")
    assert kyphosis.degrees == pytest.approx(40.0, abs=0.5)
    assert lordosis.degrees == pytest.approx(60.0, abs=0.5)


COURSE = replace(
    ALIGNMENT,
    calibration={"method": "none", "heatmap_threshold": 0.3, "corner_mm": 0.3},
    description={"reads": "bodies"},
)


def anchored(bodies: Float, lowest: int | None, highest: int | None) -> np.ndarray:
    """The map of a network that recognises these two bodies, by place."""
    plain = logits(bodies)
    heat = np.full((*plain.shape[:2], 2), -6, np.float32)
    for channel, place in enumerate((lowest, highest)):
        if place is not None:
            heat[..., channel] = logits(bodies[place : place + 1])[..., 0]
    return np.concatenate([plain, heat], axis=-1)


def whole_spine() -> Float:
    """T1 to L5 and S1, the patient facing left."""
    tilts = np.interp(np.arange(17), [0, 3, 11, 12, 16], [-25, -25, 15, 20, -20])
    bodies = stacked(list(tilts), width=22, height=16, disc=4)
    sacrum = turned(stacked([0.0], width=22, height=16)[0], -40.0) + bodies[-1].mean(axis=0) + [0.0, 22.0]
    return np.concatenate([bodies, sacrum[None]])


def lateral(bodies: Float, lowest: int | None, highest: int | None) -> tuple[Measure, ...]:
    made = film(View.LATERAL, "left")
    return measures.measured(made, anchored(bodies, lowest, highest), INSIDE, COURSE)


def test_levels_are_counted_from_the_bodies_that_the_network_recognised() -> None:
    found = lateral(whole_spine(), 17, 0)
    kyphosis, lordosis = only(found, MeasureKind.KYPHOSIS), only(found, MeasureKind.LORDOSIS)
    assert (kyphosis.upper, kyphosis.lower) == ("T4", "T12")
    assert kyphosis.degrees == pytest.approx(40.0, abs=1.0)
    assert (lordosis.upper, lordosis.lower) == ("L1", "S1")
    assert lordosis.degrees == pytest.approx(60.0, abs=1.0)
    part = lateral(whole_spine()[7:], 10, None)
    assert only(part, MeasureKind.LORDOSIS).degrees == pytest.approx(60.0, abs=1.0)
    assert only(part, MeasureKind.KYPHOSIS).abstained == "LEVELS_UNKNOWN"


@pytest.mark.parametrize(("lowest", "highest"), [(None, None), (None, 0), (16, 0), (17, 1)])
def test_a_lateral_whose_count_is_not_sure_has_no_levels_and_no_angles(
    lowest: int | None, highest: int | None
) -> None:
    found = lateral(whole_spine(), lowest, highest)
    assert {one.abstained for one in found} == {"LEVELS_UNKNOWN"}


def test_what_is_found_below_the_lowest_body_is_left_out() -> None:
    below = whole_spine()[-1:] + np.array([0.0, 21.0])
    found = lateral(np.concatenate([whole_spine(), below]), 17, None)
    assert only(found, MeasureKind.LORDOSIS).degrees == pytest.approx(60.0, abs=1.0)


def largest(found: tuple[Measure, ...]) -> Measure:
    return max(found, key=lambda measure: measure.degrees or 0.0)


def test_end_vertebrae_of_a_curve_are_named_where_l5_was_recognised() -> None:
    tilts = [0.0] * 4 + [-10.0, -20.0, -10.0, 0.0, 10.0, 20.0, 10.0] + [0.0] * 6
    bodies = stacked(tilts, width=22, height=16, disc=4)
    named = largest(measures.measured(film(), anchored(bodies, 16, 0), INSIDE, COURSE))
    assert (named.upper, named.lower) == ("T6", "T10")
    assert named.degrees == pytest.approx(40.0, abs=0.5)
    unnamed = largest(measures.measured(film(), anchored(bodies, None, 0), INSIDE, COURSE))
    assert (unnamed.upper, unnamed.lower, unnamed.degrees) == (None, None, named.degrees)


def test_a_curve_that_ends_with_the_spine_is_measured_only_where_its_end_was_recognised() -> None:
    tilts = [0.0] * 11 + [-8.0, -16.0, -8.0, 0.0, 8.0, 16.0]
    bodies = stacked(tilts, width=22, height=16, disc=4)
    known = largest(measures.measured(film(), anchored(bodies, 16, 0), INSIDE, COURSE))
    assert known.degrees == pytest.approx(32.0, abs=0.5)
    (unknown,) = measures.measured(film(coverage="WHOLE"), anchored(bodies, None, 0), INSIDE, COURSE)
    assert unknown.abstained == "CURVE_LEAVES_IMAGE", "the gate's word for whole is not enough"


def test_an_error_in_millimetres_needs_a_spacing() -> None:
    unknown = replace(film(), image=GrayImage(film().image.pixels))
    (found,) = measures.measured(unknown, logits(small(TILTS)), INSIDE, COURSE)
    assert found.abstained == "IMPRECISE"


def test_a_front_that_the_angles_contradict_is_not_believed() -> None:
    made = film(View.LATERAL, "right", coverage="WHOLE")
    found = measures.measured(made, logits(sagittal_bodies()), INSIDE, NAMED)
    assert {one.abstained for one in found} == {"SIDE_CONTRADICTED"}


def test_measures_survive_the_way_between_processes() -> None:
    from tests.cast import outcome

    found = measures.measured(film(), logits(small(TILTS)), INSIDE, ALIGNMENT)
    found += measures.none(film(View.LATERAL), NOT_TRIED)
    before = replace(outcome(), measures=found)
    assert Outcome.from_json(before.to_json()) == before
    older = before.to_json()
    del older["measures"]
    assert Outcome.from_json(older).measures == ()
    assert STRIDE == 4
