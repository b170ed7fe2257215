"""The study's one answer from its images: flagged, not flagged, or an abstention with its reason.

Promise: pure; the highest calibrated probability of any lateral image against the threshold of the
bundle's operating point. Not flagged is never an all-clear, and the words say so.
Refuses: an answer where no lateral image of the spine could be classified.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from triage.domain.finding import ImageView, Triage, TriageOutcome, VertebraFinding
from workers.models import calibrate, ood
from workers.models.bundle import Bundle

OPERATING_POINT = "triage"
NO_LATERAL = ood.Abstention(
    "NO_LATERAL", "The study holds no image that the view gate takes for a lateral spine."
)
ALL_UNFAMILIAR = ood.Abstention(
    "NO_KNOWN_VIEW", "No image of the study is like those that the networks know."
)


@dataclass(frozen=True, slots=True)
class LateralAnswer:
    """What became of one lateral image: its vertebrae, or why there are none."""

    sop_instance_uid: str
    vertebrae: tuple[VertebraFinding, ...]
    abstained: ood.Abstention | None


def image_probability(vertebrae: Sequence[VertebraFinding], fresh: Bundle) -> float:
    """Return the image's calibrated probability of a recent fracture."""
    values = np.array([vertebra.p_fresh for vertebra in vertebrae])
    return calibrate.image_probability(values, fresh.calibration["study"])


def triage(views: Sequence[ImageView], laterals: Sequence[LateralAnswer], fresh: Bundle) -> Triage:
    """Return the study's answer."""
    answered = [lateral for lateral in laterals if lateral.abstained is None and lateral.vertebrae]
    if not answered:
        return _abstained(views, laterals)
    threshold = fresh.operating_point(OPERATING_POINT).threshold
    probability = max(image_probability(lateral.vertebrae, fresh) for lateral in answered)
    left_out = len(laterals) - len(answered)
    extra = f" {left_out} further lateral image(s) could not be judged." if left_out else ""
    if probability >= threshold:
        sentence = "Look sooner: possible recent vertebral fracture." + extra
        return Triage(TriageOutcome.FLAGGED, probability, threshold, "POSSIBLE_RECENT_FRACTURE", sentence)
    sentence = "No triage flag. The absence of a flag is not a negative result." + extra
    return Triage(TriageOutcome.NOT_FLAGGED, probability, threshold, "BELOW_THRESHOLD", sentence)


def _abstained(views: Sequence[ImageView], laterals: Sequence[LateralAnswer]) -> Triage:
    reasons = [lateral.abstained for lateral in laterals if lateral.abstained]
    if reasons:
        why = reasons[0]
    elif views and all(view.abstained for view in views):
        why = ALL_UNFAMILIAR
    else:
        why = NO_LATERAL
    return Triage(TriageOutcome.ABSTAINED, None, None, why.code, why.sentence)
