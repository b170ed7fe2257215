"""Heat maps become vertebrae in stored pixels, and vertebrae one answer that is never negative."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.unit.workers.made_bundles import FEATURES, FRESH, GATE, LOCATOR
from triage.domain.finding import ImageView, TriageOutcome, VertebraFinding
from workers.interpret import flag, vertebrae, views
from workers.models import locate, ood
from workers.models.preprocess import AffineMap, GrayImage, PreprocessSpec


def heat(centres: list[tuple[int, int]], shape: tuple[int, int] = (48, 24)) -> np.ndarray:
    """Return a heat map's logits with a peak at each (row, column) cell."""
    logits = np.full((*shape, 1), -6.0, np.float32)
    for row, column in centres:
        logits[row, column] = 3.0
    return logits


SPINE = [(row, 12) for row in range(4, 44, 5)]
BACK = AffineMap(((10.0, 0.0), (0.0, 10.0)), (4.5, 4.5))
IMAGE = GrayImage(np.zeros((1920, 960), np.uint16), (0.5, 0.5))


def chain(
    centres: list[tuple[int, int]] = SPINE, image: GrayImage = IMAGE, features: float = 0.0
) -> vertebrae.Located | ood.Abstention:
    """Return what is located in a heat map of stride 4."""
    locator = replace(LOCATOR, preprocessing=PreprocessSpec(192, 96, (1.0, 99.0), "symmetric"))
    row = np.full(FEATURES, features, np.float32)
    return vertebrae.located(heat(centres), row, image, BACK, False, locator)


def test_bodies_are_found_in_order_and_in_source_pixels() -> None:
    found = chain()
    assert isinstance(found, vertebrae.Located)
    expected = [((row + 0.5) * 4 - 0.5) * 10 + 4.5 for row, _ in SPINE]
    np.testing.assert_allclose(found.centres[:, 0], expected, atol=1e-6)
    assert list(found.centres[:, 0]) == sorted(found.centres[:, 0])
    assert found.levels == (None,) * len(SPINE)


def test_too_few_bodies_are_an_abstention() -> None:
    assert chain(SPINE[:2]) == vertebrae.NOT_FOUND


def test_a_picture_the_locator_does_not_know_is_an_abstention() -> None:
    assert chain(features=9.0) == ood.OUT_OF_DISTRIBUTION


def test_without_a_spacing_the_step_between_bodies_gives_one() -> None:
    found = chain(image=GrayImage(np.zeros((1920, 960), np.uint16)))
    assert isinstance(found, vertebrae.Located)
    assert found.spacing_mm == pytest.approx((36.0 / 200.0, 36.0 / 200.0))


def test_levels_are_named_only_where_the_whole_spine_was_counted() -> None:
    assert vertebrae.levels(22, whole=True)[0] == "C3"
    assert vertebrae.levels(22, whole=True)[-1] == "L5"
    assert set(vertebrae.levels(22, whole=False)) == {None}
    assert set(vertebrae.levels(21, whole=True)) == {None}


def classified(
    fresh: list[float], features: list[float] | None = None
) -> tuple[VertebraFinding, ...] | ood.Abstention:
    """Return the findings of a chain whose bodies have these logits for fresh."""
    found = chain(SPINE[: len(fresh)])
    assert isinstance(found, vertebrae.Located)
    logits = np.array([[0.0, 0.0, value] for value in fresh], np.float32)
    rows = np.array([[value] * FEATURES for value in features or [0.0] * len(fresh)], np.float32)
    return vertebrae.findings("1.2", IMAGE, found, logits, rows, FRESH)


def test_an_outline_is_closed_around_its_centre_with_half_a_pixel_added() -> None:
    found = classified([0, 0, 5, 0])
    assert isinstance(found, tuple)
    body = found[2]
    assert body.label == "fresh" and body.p_fresh > 0.9
    assert body.outline[0] == body.outline[-1] and len(body.outline) == 5
    columns = [column for column, _ in body.outline]
    rows = [row for _, row in body.outline]
    assert min(columns) < body.centre[0] < max(columns)
    assert min(rows) < body.centre[1] < max(rows)
    located = chain(SPINE[:4])
    assert isinstance(located, vertebrae.Located)
    assert body.centre == pytest.approx((located.centres[2][1] + 0.5, located.centres[2][0] + 0.5))


def test_one_odd_body_is_kept_as_in_training_and_many_are_an_abstention() -> None:
    some = classified([0, 0, 0, 0], [0, 0, 0, 9])
    assert isinstance(some, tuple) and len(some) == 4
    assert classified([0, 0, 0, 0], [9, 9, 0, 0]) == vertebrae.UNLIKE


def test_outlines_never_leave_the_image() -> None:
    small = GrayImage(np.zeros((300, 100), np.uint16), (0.5, 0.5))
    found = chain(SPINE[:4], small)
    assert isinstance(found, vertebrae.Located)
    logits = np.zeros((4, 3), np.float32)
    bodies = vertebrae.findings("1.2", small, found, logits, np.zeros((4, FEATURES), np.float32), FRESH)
    assert isinstance(bodies, tuple)
    for body in bodies:
        assert all(0 <= column <= 100 and 0 <= row <= 300 for column, row in body.outline)


def seen(logits: list[float]) -> ImageView:
    """Return the view of an image whose features are inside."""
    row = views.GateAnswer(np.array(logits, np.float32), np.zeros(FEATURES, np.float32))
    return views.view_of("1.2", "", row, None, GATE)


def lateral(fresh: list[float]) -> flag.LateralAnswer:
    """Return a classified lateral image."""
    found = classified(fresh)
    assert isinstance(found, tuple)
    return flag.LateralAnswer("1.2", found, None)


LATERAL = seen([0, 0, 9, 0])
AP = seen([9, 0, 0, 0])


def test_one_body_above_the_threshold_flags_the_study() -> None:
    answer = flag.triage([LATERAL], [lateral([0, 0, 9, 0])], FRESH)
    assert answer.outcome is TriageOutcome.FLAGGED
    assert answer.threshold == 0.5 and answer.probability is not None and answer.probability > 0.9


def test_not_flagged_says_that_it_is_no_negative_result() -> None:
    answer = flag.triage([LATERAL], [lateral([-9, -9, -9, -9])], FRESH)
    assert answer.outcome is TriageOutcome.NOT_FLAGGED
    assert "not a negative result" in answer.sentence


def test_a_study_without_a_lateral_image_is_an_abstention_and_never_not_flagged() -> None:
    answer = flag.triage([AP], [], FRESH)
    assert (answer.outcome, answer.reason, answer.probability) == (
        TriageOutcome.ABSTAINED,
        "NO_LATERAL",
        None,
    )


def test_a_study_of_unfamiliar_images_says_so() -> None:
    answer = flag.triage([seen([1, 0, 1, 0])], [], FRESH)
    assert answer.reason == "NO_KNOWN_VIEW"


def test_a_lateral_image_that_could_not_be_judged_gives_its_reason() -> None:
    answer = flag.triage([LATERAL], [flag.LateralAnswer("1.2", (), vertebrae.NOT_FOUND)], FRESH)
    assert (answer.outcome, answer.reason) == (TriageOutcome.ABSTAINED, "VERTEBRAE_NOT_FOUND")


def test_a_judged_image_answers_for_the_study_and_names_those_left_out() -> None:
    unjudged = flag.LateralAnswer("1.3", (), vertebrae.NOT_FOUND)
    answer = flag.triage([LATERAL, LATERAL], [lateral([-9, -9, -9]), unjudged], FRESH)
    assert answer.outcome is TriageOutcome.NOT_FLAGGED
    assert "1 further lateral image" in answer.sentence


def test_no_sentence_calls_a_study_positive_normal_or_clear() -> None:
    answers = [
        flag.triage([LATERAL], [lateral([9, 0, 0])], FRESH),
        flag.triage([LATERAL], [lateral([-9, -9, -9])], FRESH),
        flag.triage([AP], [], FRESH),
    ]
    for answer in answers:
        words = answer.sentence.lower().replace("not a negative result", "")
        assert not any(
            word in words for word in ("positive", "negative", "normal", "clear", "diagnos", "detected")
        )


def test_the_chain_of_the_locator_is_the_one_that_training_measured() -> None:
    probabilities = 1.0 / (1.0 + np.exp(-heat(SPINE)[..., 0]))
    measured = locate.chain(probabilities.astype(np.float32), stride=4, threshold=0.3)
    found = chain()
    assert isinstance(found, vertebrae.Located)
    np.testing.assert_allclose(BACK.to_source(measured.points), found.centres)
