"""What the order in use costs those it should not: the figures that a stop rule judges, from a replay of real days.

Waits on the staffed clock, as the days were really read and as the base (requested class, then FIFO) would have
read them at the same moments. Decides nothing: that is `triage.domain.stop_rule`. `missed`: a fresh fracture by its
report, not flagged.
"""

from __future__ import annotations

import numpy as np

from triage.domain.priority import RequestedPriority
from triage.domain.stop_rule import HarmFigures, WaitFigures
from triage.proof.caseload import Bools, Floats
from triage.proof.orders import Order
from triage.proof.replay import Days, reopened, waits

ROUTINE = (RequestedPriority.ROUTINE, RequestedPriority.LOW)
URGENT = (RequestedPriority.HIGH,)
# Fewer say nothing: one odd night would stop the order.
LEAST_MISSED, LEAST_ROUTINE, LEAST_URGENT = 5, 50, 20


def harm(days: Days) -> HarmFigures:
    """Return the figures of these days."""
    return HarmFigures(
        days=days.until / 1440,
        studies=len(days.load),
        actual=_waits(days, days.opened),
        base=_waits(days, reopened(days, Order("human"))[0]),
    )


def _waits(days: Days, opened: Floats) -> WaitFigures:
    staffed, load = waits(days, opened)[1], days.load
    urgent = _of(days, URGENT) & ~load.diseased
    return WaitFigures(
        missed_p99=_p99(staffed[load.diseased & ~load.flagged], LEAST_MISSED),
        routine_p99=_p99(staffed[_of(days, ROUTINE)], LEAST_ROUTINE),
        urgent_other_mean=float(staffed[urgent].mean()) if urgent.sum() >= LEAST_URGENT else None,
    )


def _of(days: Days, priorities: tuple[RequestedPriority, ...]) -> Bools:
    wanted = [list(RequestedPriority).index(one) for one in priorities]
    return np.isin(days.load.stream, wanted)


def _p99(values: Floats, least: int) -> float | None:
    return float(np.percentile(values, 99)) if len(values) >= least else None
