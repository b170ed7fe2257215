"""The view gate's answer for one image: what it shows, or an abstention with its reason.

Promise: pure; decided from pixels alone. The header's view is compared and the disagreement told, never
followed.
Refuses: to name a view for an image outside the training distribution.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from triage.domain.closing import AP_POSITIONS, LATERAL_POSITIONS
from triage.domain.finding import ImageView, View
from workers.models import calibrate, ood
from workers.models.bundle import Bundle

Float = NDArray[np.float32]
UNCERTAIN = ood.Abstention(
    "UNCERTAIN_VIEW", "The network cannot tell an antero-posterior from a lateral view."
)
SUREST = 0.8


@dataclass(frozen=True, slots=True)
class GateAnswer:
    """The gate's rows for one image; both None when the pixels were refused before the network."""

    logits: Float | None
    features: Float | None


def view_of(
    uid: str, header_position: str, answer: GateAnswer, refused: ood.Abstention | None, gate: Bundle
) -> ImageView:
    """Return the view of one image, or its abstention."""
    header = header_view(header_position)
    if answer.logits is None or answer.features is None:
        return _abstained(uid, header, refused or ood.CONSTANT, None)
    score = float(gate.reference.scores(answer.features[None])[0])
    outside = ood.judge(score, gate.ood_threshold)
    if refused or outside:
        return _abstained(uid, header, refused or outside or ood.OUT_OF_DISTRIBUTION, score)
    probabilities = calibrate.apply(answer.logits[None], gate.calibration)[0]
    view, sureness = _view(probabilities, gate)
    if sureness < SUREST:
        return _abstained(uid, header, UNCERTAIN, score)
    return _named(uid, header, probabilities, (view, sureness), score, answer.features, gate)


def header_view(position: str) -> View | None:
    """Return the view that ViewPosition (0018,5101) names, or None."""
    if position in AP_POSITIONS:
        return View.AP
    return View.LATERAL if position in LATERAL_POSITIONS else None


def _view(probabilities: NDArray[np.float64], gate: Bundle) -> tuple[View, float]:
    """Sum the categories of each view: the view is sure even where the device is not."""
    sums = dict.fromkeys(View, 0.0)
    for probability, label in zip(probabilities, gate.labels, strict=True):
        sums[View(label["view"])] += float(probability)
    best = max(sums, key=lambda view: sums[view])
    return best, sums[best]


def _named(
    uid: str,
    header: View | None,
    probabilities: NDArray[np.float64],
    found: tuple[View, float],
    score: float,
    features: Float,
    gate: Bundle,
) -> ImageView:
    view, sureness = found
    of_view = [index for index, label in enumerate(gate.labels) if label["view"] == view]
    best = max(of_view, key=lambda index: float(probabilities[index]))
    label: Mapping[str, Any] = gate.labels[best]
    operated = _is_sure_of_operation(probabilities, label["operative"], gate)
    disagrees = header is not None and header is not view
    said = f"The header says {header}, the picture shows {view}." if disagrees else ""
    return ImageView(
        sop_instance_uid=uid,
        label=str(label["id"]),
        view=view,
        coverage=_coverage(features, gate),
        operative=str(label["operative"]) if operated else None,
        device=str(label["device"]) if operated else None,
        probability=sureness,
        abstained=None,
        sentence=said,
        header_view=header,
        disagrees_with_header=disagrees,
        ood_score=score,
    )


def _is_sure_of_operation(probabilities: NDArray[np.float64], operative: str, gate: Bundle) -> bool:
    """Tell whether an implant may be stated or denied: the likeliest of ten categories alone may have a third."""
    agreeing = [label["operative"] == operative for label in gate.labels]
    return float(probabilities[agreeing].sum()) >= SUREST


def _coverage(features: Float, gate: Bundle) -> str | None:
    head = gate.heads.get("coverage")
    if head is None:
        return None
    return head.labels[int(np.argmax(head.logits(features)))]


def _abstained(uid: str, header: View | None, why: ood.Abstention, score: float | None) -> ImageView:
    return ImageView(
        sop_instance_uid=uid,
        label=None,
        view=None,
        coverage=None,
        operative=None,
        device=None,
        probability=None,
        abstained=why.code,
        sentence=why.sentence,
        header_view=header,
        disagrees_with_header=False,
        ood_score=score,
    )
