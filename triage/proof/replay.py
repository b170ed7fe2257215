"""The site's own days again, under another order: what would each study have waited?

The readers' capacity is what was observed and nothing else: every moment at which a reader really opened a study
is a moment at which the replay opens one, the first of its order among those that had arrived. So staffing, breaks
and reading times are the site's own, nobody is assumed to read, and as many wait at every moment as really did.
What it cannot know: a study's own reading time stays where it was, not with the study; openings out of order
are the readers' habit, and the replay has none. Studies still unopened at the end have waited until then.

Refuses (`Unprocessable`) days on which nothing was opened.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from triage.domain.errors import Unprocessable
from triage.domain.ledger import Ledger
from triage.domain.outcome import OutcomeLabel
from triage.domain.priority import RequestedPriority
from triage.domain.rota import Rota
from triage.proof.caseload import Bools, Caseload, Floats, Stream
from triage.proof.intervals import over_days
from triage.proof.orders import Order, keys
from triage.proof.reading import Desk
from triage.proof.rota import Clock
from triage.proof.simulate import benefit

DAY = 1440.0


@dataclass(frozen=True, slots=True)
class Tail:
    """Waits in minutes; the interval of the mean is from days drawn with replacement."""

    mean: float
    low: float
    high: float
    p50: float
    p95: float
    p99: float
    worst: float


@dataclass(frozen=True, slots=True)
class ReplayedKind:
    """One kind of study under one order, by both clocks."""

    order: str
    kind: str
    studies: int
    wall: Tail
    staffed: Tail


@dataclass(frozen=True, slots=True)
class Replay:
    """What the days say. phi: None without labelled fresh fractures, or where no order could have helped."""

    days: float
    studies: int
    openings: int
    still_waiting: int
    labelled: int
    fresh: int
    flags_per_hour: float
    promoted_share: float
    phi: float | None
    phi_low: float | None
    phi_high: float | None
    phi_as_read: float | None
    kinds: tuple[ReplayedKind, ...]


@dataclass(frozen=True, slots=True)
class Days:
    """The studies of some days as arrays (minutes since `since`), with the moments at which one was opened."""

    load: Caseload
    opened: Floats
    moments: Floats
    until: float
    labelled: Bools
    clock: Clock


def days_of(
    rows: Sequence[Ledger], since: datetime, until: datetime, clock: Clock, threshold: float | None = None
) -> Days:
    """Return the days; `threshold` flags by probability instead of by what was flagged then."""

    def minutes(moment: datetime | None) -> float:
        return np.inf if moment is None else (moment - since).total_seconds() / 60

    end = minutes(until)
    arrived = np.array([minutes(row.arrived) for row in rows])
    opened = np.array([minutes(row.opened) for row in rows])
    opened[opened > end] = np.inf
    moments = np.sort(opened[np.isfinite(opened)])
    if not len(moments):
        raise Unprocessable("nothing-opened", "no study was opened in these days: there is nothing to replay")
    chance = np.array([np.nan if row.probability is None else row.probability for row in rows], dtype=float)
    flagged = np.array([row.answer == "FLAGGED" for row in rows], dtype=bool)
    if threshold is not None:
        flagged = np.where(np.isnan(chance), flagged, chance >= threshold)
    load = Caseload(
        streams=tuple(_stream(one) for one in RequestedPriority),
        arrived=arrived,
        stream=np.array([list(RequestedPriority).index(_priority(row)) for row in rows], dtype=np.int64),
        diseased=np.array([row.label is OutcomeLabel.FRESH for row in rows], dtype=bool),
        flagged=flagged,
        probability=np.nan_to_num(chance),
        result_at=np.array([minutes(row.reordered) for row in rows]),
        failed=np.isnan(chance),
        read_time=np.zeros(len(rows)),
        strays=np.zeros(len(rows), dtype=bool),
    )
    told = [row.label not in (None, OutcomeLabel.UNKNOWN) for row in rows]
    return Days(load, opened, moments, end, np.array(told, dtype=bool), clock)


def _stream(priority: RequestedPriority) -> Stream:
    return Stream(priority, 0.0, 0.0, 0.0, 0.0, first=priority is RequestedPriority.STAT)


def _priority(row: Ledger) -> RequestedPriority:
    return RequestedPriority(row.requested_priority)


def reopened(days: Days, order: Order) -> tuple[Floats, int]:
    """Return when each study would have been opened, and how many the guard promoted."""
    desk = Desk(days.load, keys(order, days.load, days.clock), order, days.clock)
    for moment in days.moments.tolist():
        desk.absorb(moment)
        if desk.waiting:
            desk.take(moment)
    opened = np.array(desk.opened)
    opened[opened < 0] = np.inf
    return opened, desk.promoted


def waits(days: Days, opened: Floats) -> tuple[Floats, Floats]:
    """Return the waits by the wall clock and the staffed clock; the unopened wait until the end."""
    ends = np.minimum(opened, days.until)
    return ends - days.load.arrived, days.clock.staffed(ends) - days.clock.staffed(days.load.arrived)


def replay(days: Days, order: Order, *, rounds: int = 500) -> Replay:
    """Return what the days would have been under the order, beside what they were, the base and the oracle."""
    opened, promoted = reopened(days, order)
    under = {
        "as read": days.opened,
        "human": reopened(days, Order("human"))[0],
        order.name: opened,
        "oracle": reopened(days, Order("oracle"))[0],
    }
    found = {name: waits(days, times) for name, times in under.items()}
    staffed = {name: both[1] for name, both in found.items()}
    phi, low, high = _phi(days, staffed["human"], staffed[order.name], staffed["oracle"], rounds)
    as_read, _, _ = _phi(days, staffed["human"], staffed["as read"], staffed["oracle"], 1)
    return Replay(
        days=days.until / DAY,
        studies=len(days.load),
        openings=len(days.moments),
        still_waiting=int(np.isinf(days.opened).sum()),
        labelled=int(days.labelled.sum()),
        fresh=int(days.load.diseased.sum()),
        flags_per_hour=float((days.load.flagged & (days.load.arrived >= 0)).sum() / (days.until / 60)),
        promoted_share=promoted / len(days.load),
        phi=phi,
        phi_low=low,
        phi_high=high,
        phi_as_read=as_read,
        kinds=tuple(
            ReplayedKind(name, kind, int(chosen.sum()), *(_tail(days, one, chosen, rounds) for one in both))
            for name, both in found.items()
            for kind, chosen in kinds_of(days).items()
            if chosen.any()
        ),
    )


def kinds_of(days: Days) -> dict[str, Bools]:
    """Return the kinds that the figures are given for; fresh and missed by what reports said."""
    load = days.load
    fresh, urgent = load.diseased, load.stream <= list(RequestedPriority).index(RequestedPriority.HIGH)
    found = {
        "all": np.ones(len(load), dtype=bool),
        "fresh fracture": fresh,
        "missed": fresh & ~load.flagged,
        "flagged": load.flagged,
        "unflagged": ~load.flagged,
        "urgent, no fresh fracture": urgent & ~fresh,
        "routine, no fresh fracture": ~urgent & ~fresh,
    }
    return found | {one.value: load.stream == number for number, one in enumerate(RequestedPriority)}


def _phi(
    days: Days, base: Floats, policy: Floats, oracle: Floats, rounds: int
) -> tuple[float | None, float | None, float | None]:
    fresh = days.load.diseased
    sums = [_by_day(days, np.where(fresh, waits, 0.0)) for waits in (base, policy, oracle)]

    def figure(drawn: Sequence[int]) -> float:
        return benefit(*(float(one[np.asarray(drawn)].sum()) for one in sums))

    if not fresh.any():
        return None, None, None
    every = list(range(len(sums[0])))
    low, high = over_days(every, figure, rounds=rounds)
    return _known(figure(every)), _known(low), _known(high)


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def _tail(days: Days, values: Floats, chosen: Bools, rounds: int) -> Tail:
    sums, counts = _by_day(days, np.where(chosen, values, 0.0)), _by_day(days, chosen.astype(float))

    def mean(drawn: Sequence[int]) -> float:
        studies = counts[np.asarray(drawn)].sum()
        return float(sums[np.asarray(drawn)].sum() / studies) if studies else float("nan")

    low, high = over_days(list(range(len(sums))), mean, rounds=rounds)
    kept = values[chosen]
    p50, p95, p99 = (float(one) for one in np.percentile(kept, [50, 95, 99]))
    return Tail(float(kept.mean()), low, high, p50, p95, p99, float(kept.max()))


def _by_day(days: Days, values: Floats) -> Floats:
    """Return the sums by day of arrival; what was there before the first day counts with it."""
    day: NDArray[np.int64] = np.maximum(days.load.arrived // DAY, 0).astype(np.int64)
    return np.bincount(day, weights=values, minlength=int(np.ceil(days.until / DAY))).astype(np.float64)


class SiteClock:
    """A site's staffed clock, as the arrays of a replay need it: minutes since `since`."""

    def __init__(self, since: datetime, minutes: Callable[[float], float]) -> None:
        self.since = since
        self._minutes = minutes

    @classmethod
    def of(cls, rota: Rota, since: datetime) -> SiteClock:
        """Return the clock of the site's rota; without shifts the wall clock."""
        return cls(since, lambda moment: rota.minutes(since + timedelta(minutes=moment)))

    def staffed(self, moments: Floats) -> Floats:
        """Return the staffed minutes up to each moment."""
        return np.array([self._minutes(moment) for moment in moments.tolist()])

    def staffed_at(self, moment: float) -> float:
        """Return the staffed minutes up to one moment."""
        return self._minutes(moment)
