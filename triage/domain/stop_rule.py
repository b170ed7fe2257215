"""When the order must stop being the machine's: the rule that turns figures of harm into the kill switch.

The figures are waits on the staffed clock over seven days, as they were and as a replay of the same days
under the base order (requested class, then arrival) gives them. Too few studies decide nothing: a p99 of
a handful is noise. The decision is a value; the act is `worklist_policy.stop`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import isfinite

DAYS = 7
LEAST_STUDIES = 100
# Against a base of next to nothing every wait is a large multiple; two minutes harm nobody.
LEAST_MINUTES = 2.0


@dataclass(frozen=True, slots=True)
class WaitFigures:
    """Staffed minutes from arrival to opening: as it was under one order. None = too few such studies to say."""

    missed_p99: float | None
    routine_p99: float | None
    urgent_other_mean: float | None


@dataclass(frozen=True, slots=True)
class HarmFigures:
    """What a replay hands over. `missed` = unflagged, and the report says fresh fracture."""

    days: float
    studies: int
    actual: WaitFigures
    base: WaitFigures


@dataclass(frozen=True, slots=True)
class StopDecision:
    """Whether to go back to the requested classes, and why in one sentence."""

    stop: bool
    reason: str


@dataclass(frozen=True, slots=True)
class _Bound:
    what: str
    most: float
    figure: Callable[[WaitFigures], float | None]


BOUNDS = (
    _Bound("missed fractures' p99 wait", 0.40, lambda waits: waits.missed_p99),
    _Bound("routine studies' p99 wait", 0.30, lambda waits: waits.routine_p99),
    _Bound("urgent studies' mean wait without a fracture", 0.20, lambda waits: waits.urgent_other_mean),
)


def decide(figures: HarmFigures) -> StopDecision:
    """Return the decision: stop when any wait exceeds its replayed base by more than its bound."""
    if figures.days < DAYS or figures.studies < LEAST_STUDIES:
        found = f"{figures.studies} studies in {figures.days:g} days"
        return StopDecision(False, f"too little to judge: {found}")
    harms = [harm for bound in BOUNDS if (harm := _harm(bound, figures))]
    if harms:
        return StopDecision(True, "; ".join(harms))
    return StopDecision(False, "every wait is within its bound of the replayed base")


def _harm(bound: _Bound, figures: HarmFigures) -> str:
    was, base = bound.figure(figures.actual), bound.figure(figures.base)
    if was is None or base is None or not (isfinite(was) and isfinite(base)) or was - base < LEAST_MINUTES:
        return ""
    more = was / max(base, LEAST_MINUTES) - 1.0
    if more <= bound.most + 1e-9:
        return ""
    return (
        f"{bound.what} is {was:.0f} min, {more:+.0%} against {base:.0f} in replay (bound {bound.most:+.0%})"
    )
