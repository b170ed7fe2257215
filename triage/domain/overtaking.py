"""Bounded overtaking: a study that was overtaken K times comes first, by arrival, before anything younger.

An overtaking is counted when a study is first opened past an older one that waits, and its requested class is
the same or less pressing: that a more pressing class goes first is what people asked for, and is not counted.
Whoever waits was on the list whenever a younger study was opened, so the count of a study is the number of
first openings of younger arrivals of those classes. Among studies of one class it can only fall from older to
younger: those overtaken K times are exactly those that arrived before the K-th youngest such arrival that was
opened. No counter is kept; one look at the openings gives the line for each class, and the line never moves back.

Not counted either: what a person put first (pins, STAT), and whatever is opened while the order is `fifo` or
`human`, under which no answer moves a study. A reader who takes a study out of turn is counted, but no order
can forbid it: the bound is on what the list offers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from triage.domain.policy import GUARDED, OrderPolicy
from triage.domain.requested import RANK, RequestedPriority

ALARM_SHARE = 0.02
ALARM_WINDOW = 500
ALARM_LEAST = 50


def overtakers(requested: str) -> tuple[RequestedPriority, ...]:
    """Return the classes whose openings overtake an older study of this class: its own and the less pressing."""
    return tuple(one for one in RequestedPriority if RANK[one] >= RANK[RequestedPriority(requested)])


def overtaken_by(requested: str) -> tuple[RequestedPriority, ...]:
    """Return the classes whose older studies an opening of this class overtakes: its own and the more pressing."""
    return tuple(one for one in RequestedPriority if RANK[one] <= RANK[RequestedPriority(requested)])


def counts(policy: OrderPolicy) -> bool:
    """Tell whether openings under this policy count: only where an answer can make one study pass another."""
    return policy.name in GUARDED


def guard_line(opened: Iterable[datetime], limit: int) -> datetime | None:
    """Return the moment before which arrivals have been overtaken `limit` times; None = none has.

    `opened` are the arrivals of the opened studies that can overtake the class, in any order.
    """
    latest = sorted(opened, reverse=True)[:limit]
    return latest[-1] if len(latest) == limit else None


def overtaken(arrived_at: datetime, opened: Iterable[datetime]) -> int:
    """Return how many younger ones of the studies that can overtake this one were opened while it waited."""
    return sum(1 for other in opened if other > arrived_at)


def limits(policy: OrderPolicy) -> Mapping[str, int]:
    """Return K by requested class, empty where the policy has no bound. STAT stands first anyway."""
    return {name: k for name, k in policy.guard.items() if name != "STAT"} if policy.guarded else {}


@dataclass(frozen=True, slots=True)
class GuardShare:
    """How many of the latest openings the guard had promoted."""

    openings: int
    promoted: int

    @property
    def share(self) -> float:
        """Return the promoted part, nought without openings."""
        return self.promoted / self.openings if self.openings else 0.0

    @property
    def alarming(self) -> bool:
        """Tell whether the guard decides so often that the list is on its way back to plain arrival."""
        return self.openings >= ALARM_LEAST and self.share > ALARM_SHARE

    def sentence(self) -> str:
        """Say it in figures."""
        return f"{self.promoted} of the last {self.openings} openings were promoted by the guard"
