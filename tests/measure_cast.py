"""The cast of measured images: outcomes with angles that were taken, and with angles that were withheld."""

from __future__ import annotations

from dataclasses import replace

from tests import report_cast as cast
from triage.domain.finding import Measure, MeasureKind, ModelIdentity, Outcome, Point
from workers.interpret.endplates import CUT_OFF, NO_LEVELS
from workers.models.ood import Abstention

ALIGNMENT = ModelIdentity("alignment", "1.0.0", "d" * 64, "synthetic-phantom")
Arm = tuple[Point, Point]
UPPER: Arm = ((60.5, 40.25), (110.0, 48.75))
LOWER: Arm = ((62.0, 160.0), (112.5, 150.5))


def angle(
    uid: str,
    kind: MeasureKind,
    degrees: float,
    ends: tuple[str | None, str | None] = (None, None),
    side: str = "",
) -> Measure:
    """Return an angle that was taken."""
    return Measure(uid, kind, degrees, 2.1, ends[0], ends[1], side, (UPPER, LOWER), None, "")


def withheld(uid: str, kind: MeasureKind, why: Abstention = NO_LEVELS) -> Measure:
    """Return an angle that was not."""
    return Measure(uid, kind, None, None, None, None, "", (), why.code, why.sentence)


def angles(image: str) -> tuple[Measure, ...]:
    """Return a curve that was measured on an image, and a lordosis that could not be."""
    curve = angle(image, MeasureKind.COBB, 42.5, ("T5", "T12"), "right")
    return curve, withheld(image, MeasureKind.LORDOSIS)


def measured(frontal: str, lateral: str) -> Outcome:
    """Return a study whose AP has a double curve and whose lateral has a kyphosis and no lordosis."""
    found = (
        angle(frontal, MeasureKind.COBB, 42.5, ("T5", "T12"), "right"),
        angle(frontal, MeasureKind.COBB, 18.0, side="left"),
        angle(lateral, MeasureKind.KYPHOSIS, 38.4, ("T4", "T12")),
        withheld(lateral, MeasureKind.LORDOSIS),
    )
    return _with(cast.outcome((cast.anteroposterior(frontal), cast.lateral(lateral))), found)


def unmeasurable(frontal: str) -> Outcome:
    """Return a study whose one AP could not be measured."""
    found = (withheld(frontal, MeasureKind.COBB, CUT_OFF),)
    return _with(cast.outcome((cast.anteroposterior(frontal),)), found)


def _with(outcome: Outcome, measures: tuple[Measure, ...]) -> Outcome:
    return replace(outcome, measures=measures, models=(*outcome.models, ALIGNMENT))
