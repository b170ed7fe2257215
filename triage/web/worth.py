"""What the order was worth this week, kept for a few minutes: the replay of a busy week takes seconds.

Promises one computation at a time, none beyond MOST studies, and words where nobody can know.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock
from typing import TYPE_CHECKING

from triage.domain.errors import Unavailable, Unprocessable
from triage.store import ledger, operations

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from triage.proof.counterfactual import Counterfactual, Line

WEEK = timedelta(days=7)
KEPT = timedelta(minutes=5)
MOST = 30_000


@dataclass(frozen=True, slots=True)
class Worth:
    """The answer as of a moment, or `why_not` in words."""

    at: datetime
    found: Counterfactual | None = None
    why_not: str = ""

    @property
    def sentence(self) -> str:
        """Say it in one sentence."""
        if self.found is None:
            return f"Cannot be computed: {self.why_not}."
        told = {line.kind: _told(line) for line in self.found.lines}
        return f"This week triage {told['flagged']}" + (
            f" and {told['unflagged']}." if "unflagged" in told else "."
        )


def _told(line: Line) -> str:
    whom = "each flagged study" if line.kind == "flagged" else "each other study"
    if line.chance:
        return f"changed nothing that can be told from chance for {whom}"
    told = f"{'saved' if line.saved > 0 else 'cost'} {whom} {abs(line.saved):.0f} min"
    return told if line.low is not None else f"{told} (too few days for an interval)"


@dataclass
class Worths:
    """The last answer of this web process."""

    last: Worth | None = None
    _one_at_a_time: Lock = field(default_factory=Lock)

    def this_week(self, engine: Engine, until: datetime) -> Worth:
        """Return what the week before `until` says, at most KEPT old."""
        with self._one_at_a_time:
            if self.last is None or until - self.last.at > KEPT:
                self.last = _compute(engine, until)
            return self.last


def _compute(engine: Engine, until: datetime) -> Worth:
    from triage.proof.counterfactual import against_arrival

    since = until - WEEK
    try:
        if operations.replayable(engine, since, MOST) > MOST:
            return Worth(until, why_not=f"more than {MOST} studies waited; ask the command line")
        return Worth(until, against_arrival(ledger.waited(engine, since, until), since, until))
    except (Unprocessable, Unavailable) as nothing:
        return Worth(until, why_not=nothing.sentence)
