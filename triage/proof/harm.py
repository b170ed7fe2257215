"""What the order in use costs those it should not: the figures that a stop rule judges, from a replay of real days.

Waits on the staffed clock, as the days were really read and as the base (requested class, then FIFO) would have
read them at the same moments. Decides nothing. None = no such study was opened: nothing can be said.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from triage.domain.priority import RequestedPriority
from triage.proof.caseload import Bools, Floats
from triage.proof.orders import Order
from triage.proof.replay import Days, reopened, waits

ROUTINE = (RequestedPriority.ROUTINE, RequestedPriority.LOW)
URGENT = (RequestedPriority.HIGH,)


@dataclass(frozen=True, slots=True)
class HarmWaits:
    """Staffed minutes. `missed`: a fresh fracture by its report, not flagged."""

    missed_p99: float | None
    routine_p99: float | None
    urgent_other_mean: float | None


@dataclass(frozen=True, slots=True)
class Harm:
    """The days as they were read, and as the base would have."""

    days: float
    studies: int
    actual: HarmWaits
    base: HarmWaits


def harm(days: Days) -> Harm:
    """Return the figures of these days."""
    return Harm(
        days=days.until / 1440,
        studies=len(days.load),
        actual=_waits(days, days.opened),
        base=_waits(days, reopened(days, Order("human"))[0]),
    )


def _waits(days: Days, opened: Floats) -> HarmWaits:
    staffed, load = waits(days, opened)[1], days.load
    urgent = _of(days, URGENT) & ~load.diseased
    return HarmWaits(
        missed_p99=_p99(staffed[load.diseased & ~load.flagged]),
        routine_p99=_p99(staffed[_of(days, ROUTINE)]),
        urgent_other_mean=float(staffed[urgent].mean()) if urgent.any() else None,
    )


def _of(days: Days, priorities: tuple[RequestedPriority, ...]) -> Bools:
    wanted = [list(RequestedPriority).index(one) for one in priorities]
    return np.isin(days.load.stream, wanted)


def _p99(values: Floats) -> float | None:
    return float(np.percentile(values, 99)) if len(values) else None
