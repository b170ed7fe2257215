"""What the order saved and cost against plain arrival: the site's own days again, first come, first served.

Says nothing rather than something weak: too few openings or no flag raise `Unprocessable` with the reason in
words. The readers' capacity is what was observed (see `replay`); STAT stays first in both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from triage.domain.errors import Unprocessable
from triage.domain.ledger import Ledger
from triage.proof.caseload import Bools, Floats
from triage.proof.intervals import over_days
from triage.proof.orders import Order
from triage.proof.replay import DAY, Days, days_of, kinds_of, reopened, waits
from triage.proof.rota import always

FEWEST_OPENED = 20
FEWEST_DAYS = 3
KINDS = ("flagged", "unflagged", "missed", "all")


@dataclass(frozen=True, slots=True)
class Line:
    """One kind of study: mean wait (wall minutes) as it was read and by arrival; low and high bound `saved` (95 %).

    They are None where the studies came on fewer than FEWEST_DAYS days: so few say nothing of another week.
    """

    kind: str
    studies: int
    as_read: float
    by_arrival: float
    low: float | None
    high: float | None

    @property
    def saved(self) -> float:
        """Return the minutes saved by the mean; negative is a cost."""
        return self.by_arrival - self.as_read

    @property
    def chance(self) -> bool:
        """Tell whether the interval holds nought."""
        return self.low is not None and self.high is not None and self.low <= 0 <= self.high


@dataclass(frozen=True, slots=True)
class Counterfactual:
    """The days as they were read against the same openings in order of arrival."""

    openings: int
    lines: tuple[Line, ...]


def against_arrival(rows: Sequence[Ledger], since: datetime, until: datetime) -> Counterfactual:
    """Return what was saved and what it cost; raises Unprocessable where that cannot be told."""
    # Both orders are compared by the wall clock, so no rota is needed.
    days = days_of(rows, since, until, always(1))
    openings = len(days.moments)
    if openings < FEWEST_OPENED:
        raise Unprocessable(
            "few-openings",
            f"only {openings} studies were opened in these days; fewer than {FEWEST_OPENED} say nothing",
        )
    if not days.load.flagged.any():
        raise Unprocessable("no-flag", "no study was flagged in these days")
    as_read, _ = waits(days, days.opened)
    by_arrival, _ = waits(days, reopened(days, Order("fifo"))[0])
    kinds = kinds_of(days)
    return Counterfactual(
        openings,
        tuple(_line(days, kind, kinds[kind], as_read, by_arrival) for kind in KINDS if kinds[kind].any()),
    )


def _line(days: Days, kind: str, chosen: Bools, as_read: Floats, by_arrival: Floats) -> Line:
    saved = (by_arrival - as_read)[chosen]
    day = np.maximum(days.load.arrived[chosen] // DAY, 0).astype(np.int64)
    length = int(np.ceil(days.until / DAY))
    sums = np.bincount(day, weights=saved, minlength=length)
    counts = np.bincount(day, minlength=length)

    def mean(drawn: Sequence[int]) -> float:
        studies = counts[np.asarray(drawn)].sum()
        return float(sums[np.asarray(drawn)].sum() / studies) if studies else float("nan")

    low, high = over_days(list(range(length)), mean) if (counts > 0).sum() >= FEWEST_DAYS else (None, None)
    return Line(
        kind, int(chosen.sum()), float(as_read[chosen].mean()), float(by_arrival[chosen].mean()), low, high
    )
