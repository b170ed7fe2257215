"""What the order was worth this week, from the replay of the site's own days. Says why when nobody can know."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from triage.domain.errors import Unprocessable
from triage.proof.orders import Order
from triage.proof.replay import Replay, days_of, replay
from triage.proof.rota import always
from triage.store import ledger
from triage.web.room import Room

DAYS = 7
FEWEST_OPENED = 20


@dataclass(frozen=True, slots=True)
class Line:
    """One kind of study: mean wait (wall minutes) as it was read and first come, first served; saved is the difference."""

    kind: str
    studies: int
    as_read: float
    fifo: float

    @property
    def saved(self) -> float:
        """Return the minutes saved by the mean; negative is a cost."""
        return self.fifo - self.as_read


@dataclass(frozen=True, slots=True)
class Worth:
    """The lines, or `why_not` in words."""

    lines: tuple[Line, ...] = ()
    openings: int = 0
    why_not: str = ""


def worth(here: Room, until: datetime) -> Worth:
    """Return what the week's order saved and cost against first come, first served."""
    since = until - timedelta(days=DAYS)
    rows = ledger.waited(here.engine, since, until)
    try:
        # Both orders are compared by the wall clock, so no rota is needed.
        done = replay(days_of(rows, since, until, always(1)), Order("fifo"), rounds=1)
    except Unprocessable as nothing:
        return Worth(why_not=nothing.sentence)
    if done.openings < FEWEST_OPENED:
        few = (
            f"only {done.openings} studies were opened in {DAYS} days; fewer than {FEWEST_OPENED} say nothing"
        )
        return Worth(openings=done.openings, why_not=few)
    lines = _lines(done)
    if not any(line.kind == "flagged" for line in lines):
        return Worth(openings=done.openings, why_not=f"no study was flagged in these {DAYS} days")
    return Worth(lines, done.openings)


def _lines(done: Replay) -> tuple[Line, ...]:
    means = {(one.order, one.kind): one for one in done.kinds}
    return tuple(
        Line(
            kind, means["fifo", kind].studies, means["as read", kind].wall.mean, means["fifo", kind].wall.mean
        )
        for kind in ("flagged", "unflagged", "missed", "all")
        if ("fifo", kind) in means
    )
