"""From a network's answer on a pair to what is said of it."""

from __future__ import annotations

import re

import numpy as np
import pytest

from tests.unit.web.test_words import NEVER
from tests.unit.workers.made_bundles import FEATURES, bundle
from tests.unit.workers.test_pairing import frontal, lateral
from triage.domain.finding import TriageOutcome
from workers.interpret import patterns
from workers.interpret.pairing import Pair
from workers.models import roles
from workers.models.bundle import BundleRejected, OperatingPoint

PAIR = Pair(frontal(), lateral())
BUNDLE = bundle(
    "pair-pattern",
    labels=({"id": "atypical"}, {"id": "idiopathic"}, {"id": "normal"}),
    positive="atypical",
    operating_points=(OperatingPoint("triage", 0.5, {}),),
)
INSIDE = np.zeros(FEATURES, np.float32)


def logits(probability: float) -> np.ndarray:
    rest = (1 - probability) / 2
    return np.log(np.array([probability, rest, rest], np.float32))


@pytest.mark.parametrize(
    ("probability", "outcome", "reason"),
    [
        (0.8, TriageOutcome.FLAGGED, "POSSIBLE_ATYPICAL_CURVE"),
        (0.2, TriageOutcome.NOT_FLAGGED, "BELOW_THRESHOLD"),
    ],
)
def test_the_probability_of_the_flagged_class_is_held_against_the_threshold(
    probability: float, outcome: TriageOutcome, reason: str
) -> None:
    found = patterns.pattern_of(PAIR, logits(probability), INSIDE, BUNDLE)
    assert (found.frontal_uid, found.lateral_uid) == ("f", "l")
    assert (found.answer.outcome, found.answer.reason, found.answer.threshold) == (outcome, reason, 0.5)
    assert found.answer.probability == pytest.approx(probability, abs=1e-5)


def test_a_pair_unlike_the_training_is_not_judged_and_still_named() -> None:
    found = patterns.pattern_of(PAIR, logits(0.99), INSIDE + 9, BUNDLE)
    assert found.answer.outcome is TriageOutcome.ABSTAINED and found.answer.probability is None
    assert (found.answer.reason, found.frontal_uid) == ("PAIR_OUT_OF_DISTRIBUTION", "f")


def test_no_sentence_gives_a_verdict() -> None:
    said = [patterns.FLAGGED, patterns.NOT_FLAGGED, patterns.UNFAMILIAR.sentence, patterns.NOT_TRIED.sentence]
    for sentence in said:
        assert not NEVER.search(re.sub("The absence of a flag is not a negative result.", "", sentence))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"positive": None}, "which of its labels is flagged"),
        ({"operating_points": ()}, "operating point"),
        ({"operating_points": (OperatingPoint("triage", 0.0, {}),)}, "no probability above 0"),
        ({}, "crops"),
    ],
)
def test_a_bundle_that_would_be_misread_is_refused(change: dict[str, object], said: str) -> None:
    with pytest.raises(BundleRejected, match=said):
        roles.check(bundle("pair-pattern", **{**vars_of_pair(), **change}))


def vars_of_pair() -> dict[str, object]:
    return {"labels": BUNDLE.labels, "positive": BUNDLE.positive, "operating_points": BUNDLE.operating_points}
