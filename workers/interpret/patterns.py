"""The pattern of the curve from a network's answer on a pair: flagged, not flagged, or an abstention with its reason.

Promise: pure; the calibrated probability of the bundle's positive class against the threshold of its operating point. Not
flagged says nothing about the curve, and the words say so.
Refuses: an answer on a pair unlike those the network was trained on.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from triage.domain.finding import CurvePattern, Triage, TriageOutcome
from workers.interpret.pairing import Pair
from workers.models import calibrate, ood
from workers.models.bundle import Bundle
from workers.models.ood import Abstention

Float = NDArray[np.float32]
OPERATING_POINT = "triage"
UNFAMILIAR = Abstention(
    "PAIR_OUT_OF_DISTRIBUTION", "The two views together are unlike those that the network was trained on."
)
NOT_TRIED = Abstention(
    "NOT_TRIED", "An earlier attempt at this study was interrupted, so the pattern was not looked for."
)
FLAGGED = "Possible atypical pattern of the curve, from the frontal and the lateral image together."
NOT_FLAGGED = "No flag for the pattern of the curve. The absence of a flag is not a negative result."


def pattern_of(pair: Pair, logits: Float, features: Float, bundle: Bundle) -> CurvePattern:
    """Return the answer on logits [classes] and features [n] of one pair."""
    score = float(bundle.reference.scores(features[None])[0])
    if ood.judge(score, bundle.ood_threshold) is not None:
        return _named(pair, _abstained(UNFAMILIAR))
    place = bundle.label_ids.index(bundle.positive or "")
    probability = float(calibrate.apply(logits[None], bundle.calibration)[0, place])
    threshold = bundle.operating_point(OPERATING_POINT).threshold
    if probability >= threshold:
        return _named(
            pair, Triage(TriageOutcome.FLAGGED, probability, threshold, "POSSIBLE_ATYPICAL_CURVE", FLAGGED)
        )
    return _named(
        pair, Triage(TriageOutcome.NOT_FLAGGED, probability, threshold, "BELOW_THRESHOLD", NOT_FLAGGED)
    )


def none(why: Abstention, pair: Pair | None = None) -> CurvePattern:
    """Return that the pattern was not judged, and why."""
    answer = _abstained(why)
    return CurvePattern(None, None, answer) if pair is None else _named(pair, answer)


def _named(pair: Pair, answer: Triage) -> CurvePattern:
    return CurvePattern(pair.frontal.view.sop_instance_uid, pair.lateral.view.sop_instance_uid, answer)


def _abstained(why: Abstention) -> Triage:
    return Triage(TriageOutcome.ABSTAINED, None, None, why.code, why.sentence)
