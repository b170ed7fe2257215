"""Who reads when: a week of shifts, the minutes that count while somebody reads, and each reader's hours.

Time here is minutes since a Monday's midnight; the week repeats. Refuses a week in which nobody reads.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from triage.domain.errors import Refused

DAY, WEEK = 1440.0, 10080.0
_SHIFT = re.compile(r"(\d{1,2}(?:\.\d+)?)-(\d{1,2}(?:\.\d+)?)x(\d{1,2})")
Minutes = NDArray[np.float64]


class Clock(Protocol):
    """Counts the minutes in which somebody reads."""

    def staffed(self, moments: Minutes) -> Minutes:
        """Return the staffed minutes up to each moment."""
        ...

    def staffed_at(self, moment: float) -> float:
        """Return the staffed minutes up to one moment."""
        ...


@dataclass(frozen=True)
class Rota:
    """Steps of one week: from `starts[k]` on (minutes, the first is 0), `readers[k]` readers read."""

    starts: tuple[float, ...]
    readers: tuple[int, ...]

    def __post_init__(self) -> None:
        if max(self.readers) < 1 or self.starts[0] != 0.0:
            raise Refused("rota", "a rota begins at minute 0 and has a reader at some time of the week")

    @cached_property
    def _ends(self) -> Minutes:
        return np.array([*self.starts, WEEK])

    @cached_property
    def _staffed(self) -> Minutes:
        lengths = np.diff(self._ends) * (np.array(self.readers) > 0)
        return np.concatenate([[0.0], np.cumsum(lengths)])

    @property
    def reader_minutes(self) -> float:
        """Return the minutes of reading that the rota offers in a week."""
        return float(np.sum(np.diff(self._ends) * np.array(self.readers)))

    def staffed(self, moments: Minutes) -> Minutes:
        """Return, for each moment, the minutes since the start in which somebody was reading."""
        weeks, within = np.divmod(moments, WEEK)
        return np.asarray(weeks * self._staffed[-1] + np.interp(within, self._ends, self._staffed))

    def staffed_at(self, moment: float) -> float:
        """Return `staffed` of one moment: for one moment much faster than an array."""
        weeks, within = divmod(moment, WEEK)
        step = bisect_right(self.starts, within) - 1
        part = within - self.starts[step] if self.readers[step] else 0.0
        return weeks * self._sums[-1] + self._sums[step] + part

    @cached_property
    def _sums(self) -> list[float]:
        sums: list[float] = self._staffed.tolist()
        return sums

    def slots(self) -> list[Slot]:
        """Return the hours of each reader: reader k reads while more than k are on duty."""
        return [Slot.of(self, rank) for rank in range(max(self.readers))]


@dataclass(frozen=True)
class Slot:
    """The hours of one reader: sorted ends of on-duty and off-duty stretches, by turns."""

    edges: tuple[float, ...]
    duty: tuple[bool, ...]

    @classmethod
    def of(cls, rota: Rota, rank: int) -> Slot:
        """Return the hours in which more than `rank` readers are on duty."""
        return cls(rota.starts, tuple(readers > rank for readers in rota.readers))

    def on_duty(self, moment: float) -> float:
        """Return the first time from `moment` on at which this reader is on duty."""
        week, within = divmod(moment, WEEK)
        step = bisect_right(self.edges, within) - 1
        if self.duty[step]:
            return moment
        for later in range(step + 1, step + len(self.edges) + 1):
            turn, place = divmod(later, len(self.edges))
            if self.duty[place]:
                return (week + turn) * WEEK + self.edges[place]
        raise AssertionError("a slot has at least one hour of duty")


def always(readers: int) -> Rota:
    """Return the rota of a list that so many read day and night."""
    return Rota((0.0,), (readers,))


def daily(*shifts: tuple[float, float, int]) -> Rota:
    """Return the rota of shifts that are the same every day: (from hour, to hour, readers)."""
    edges = sorted({0.0, *(hour % 24 for shift in shifts for hour in shift[:2])})
    counts = [sum(n for start, end, n in shifts if _within(hour, start, end)) for hour in edges]
    starts = tuple(day * DAY + hour * 60 for day in range(7) for hour in edges)
    return Rota(starts, tuple(counts) * 7)


def _within(hour: float, start: float, end: float) -> bool:
    return start <= hour < end if start < end else hour >= start or hour < end


def shifts_of(spoken: str) -> Rota:
    """Return the rota that is written as `8-16x3,16-22x1` (hours, readers); raises Refused."""
    shifts = []
    for part in spoken.split(","):
        found = _SHIFT.fullmatch(part.strip())
        if found is None or float(found[1]) >= 24 or float(found[2]) > 24 or found[1] == found[2]:
            raise Refused(
                "rota", f"{part.strip()!r} is no shift: write 8-16x3 for three readers from 8 to 16"
            )
        shifts.append((float(found[1]), float(found[2]), int(found[3])))
    return daily(*shifts)
