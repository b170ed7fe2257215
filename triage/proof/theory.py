"""The closed forms of the reading list as a queue: exact means, or a plain refusal.

Model: Poisson arrivals, c readers, exponential reading times with a mean for each kind of study
(diseased, other, interrupting). Interrupting studies are read first and never seen by the algorithm;
the rest stand FIFO ("without"), or flagged before unflagged, FIFO inside ("with").

Promises: every figure is exact for that model. Refuses (`Unprocessable`) what has no closed form:
several readers whose studies differ in mean reading time. Waits are minutes from arrival to the end of
reading, less the reading itself; non-preemptive, that is the time until reading starts.

Sources: Erlang; Cobham 1954; Davis 1966 (Oper Res 14:133); Kella & Yechiali 1985; Kleinrock 1964;
Stanford, Taylor, Ziedins 2014. Sums over the classes are written sigma_k, sigma_0 = 0.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from triage.domain.errors import Unprocessable


class Discipline(StrEnum):
    """Whether a study that comes may interrupt one that is being read."""

    NON_PREEMPTIVE = "np"
    PREEMPTIVE = "pr"


@dataclass(frozen=True, slots=True)
class Setting:
    """One list: readers, traffic (share of the readers' time that is used), the algorithm, minutes."""

    readers: int
    traffic: float
    prevalence: float
    sensitivity: float
    fpf: float
    read_time_diseased: float
    read_time_other: float
    interrupting: float = 0.0
    read_time_interrupting: float = 0.0

    @property
    def mean_read_time(self) -> float:
        """Return the mean reading time of all arrivals, in minutes."""
        return self.interrupting * self.read_time_interrupting + (1 - self.interrupting) * self.list_read_time

    @property
    def list_read_time(self) -> float:
        """Return the mean reading time of the studies on the list, in minutes."""
        return self.prevalence * self.read_time_diseased + (1 - self.prevalence) * self.read_time_other

    @property
    def arrivals(self) -> float:
        """Return all arrivals per minute."""
        return self.traffic * self.readers / self.mean_read_time

    @property
    def flag_rate(self) -> float:
        """Return q: the share of the list that is flagged."""
        return self.prevalence * self.sensitivity + (1 - self.prevalence) * self.fpf

    @property
    def common_read_time(self) -> bool:
        """Tell whether every study on the way to these readers has one mean reading time."""
        times = {self.read_time_diseased, self.read_time_other}
        return len(times | {self.read_time_interrupting} if self.interrupting else times) == 1


@dataclass(frozen=True, slots=True)
class Kind:
    """A share of one class: arrivals per minute and mean reading time in minutes."""

    rate: float
    read_time: float


@dataclass(frozen=True, slots=True)
class Waits:
    """Mean waits in minutes. `saving_*` is FIFO less flagged first: negative is a delay."""

    fifo_diseased: float
    fifo_other: float
    diseased: float
    other: float
    flagged: float
    unflagged: float

    @property
    def saving_diseased(self) -> float:
        """Return the minutes that a diseased study waits less."""
        return self.fifo_diseased - self.diseased

    @property
    def saving_other(self) -> float:
        """Return the minutes that another study waits less; below zero it waits longer."""
        return self.fifo_other - self.other


def erlang_c(readers: int, load: float) -> float:
    """Return the probability that all readers are busy; `load` = arrivals x reading time, below `readers`."""
    blocking = 1.0
    for busy in range(1, readers + 1):
        blocking = load * blocking / (busy + load * blocking)
    return blocking / (1 - load / readers * (1 - blocking))


def first_wait(readers: int, traffic: float, read_time: float) -> float:
    """Return W0: the mean wait of who is always next; FIFO waits W0 / (1 - traffic)."""
    return erlang_c(readers, traffic * readers) * read_time / readers


def has_closed_form(setting: Setting) -> bool:
    """Tell whether the mean waits are known exactly."""
    return setting.readers == 1 or setting.common_read_time


def waits(setting: Setting, discipline: Discipline) -> Waits:
    """Return the exact mean waits; raises Unprocessable where no closed form exists."""
    if not has_closed_form(setting):
        raise Unprocessable(
            "no-closed-form",
            "No closed form exists for several readers whose studies differ in mean reading time; "
            "`triage worklist simulate` estimates this setting with its interval.",
        )
    flagged, unflagged = _kinds(setting, flagged=True), _kinds(setting, flagged=False)
    first = [_interrupting(setting)] if setting.interrupting else []
    fifo = _class_waits(setting, [*first, flagged + unflagged], discipline)
    ranked = _class_waits(setting, [*first, flagged, unflagged], discipline)
    together, plus, minus = fifo[-1], ranked[-2], ranked[-1]
    sick, well = setting.read_time_diseased, setting.read_time_other
    hit, miss = setting.sensitivity, 1 - setting.sensitivity
    false, clear = setting.fpf, 1 - setting.fpf
    return Waits(
        fifo_diseased=together.of(sick),
        fifo_other=together.of(well),
        diseased=hit * plus.of(sick) + miss * minus.of(sick),
        other=false * plus.of(well) + clear * minus.of(well),
        flagged=plus.mean(flagged),
        unflagged=minus.mean(unflagged),
    )


def _kinds(setting: Setting, *, flagged: bool) -> list[Kind]:
    listed = setting.arrivals * (1 - setting.interrupting)
    hit = setting.sensitivity if flagged else 1 - setting.sensitivity
    false = setting.fpf if flagged else 1 - setting.fpf
    return [
        Kind(listed * setting.prevalence * hit, setting.read_time_diseased),
        Kind(listed * (1 - setting.prevalence) * false, setting.read_time_other),
    ]


def _interrupting(setting: Setting) -> list[Kind]:
    return [Kind(setting.arrivals * setting.interrupting, setting.read_time_interrupting)]


@dataclass(frozen=True, slots=True)
class _ClassWait:
    """The wait of one class: `base` before the reading starts, `per_minute` for each minute of reading."""

    base: float
    per_minute: float = 0.0

    def of(self, read_time: float) -> float:
        """Return the mean wait of a study with this mean reading time."""
        return self.base + self.per_minute * read_time

    def mean(self, kinds: Sequence[Kind]) -> float:
        """Return the mean wait of the whole class."""
        rate = sum(kind.rate for kind in kinds)
        time = sum(kind.rate * kind.read_time for kind in kinds)
        return self.of(time / rate if rate else 0.0)


def _class_waits(
    setting: Setting, classes: Sequence[Sequence[Kind]], discipline: Discipline
) -> list[_ClassWait]:
    if setting.readers == 1:
        return _one_reader(classes, discipline)
    return _several_readers(setting, classes, discipline)


def _one_reader(classes: Sequence[Sequence[Kind]], discipline: Discipline) -> list[_ClassWait]:
    """M/G/1: Cobham; preemptive-resume with the study's own reading time."""
    # Residual work: an exponential time of mean s has second moment 2 s^2.
    residual = [sum(kind.rate * kind.read_time**2 for kind in kinds) for kinds in classes]
    used = [sum(kind.rate * kind.read_time for kind in kinds) for kinds in classes]
    found = []
    for rank in range(len(classes)):
        before, upto = sum(used[:rank]), sum(used[: rank + 1])
        share = (1 - before) * (1 - upto)
        if discipline is Discipline.NON_PREEMPTIVE:
            found.append(_ClassWait(sum(residual) / share))
        else:
            found.append(_ClassWait(sum(residual[: rank + 1]) / share, before / (1 - before)))
    return found


def _several_readers(
    setting: Setting, classes: Sequence[Sequence[Kind]], discipline: Discipline
) -> list[_ClassWait]:
    """M/M/c with one mean: Kella & Yechiali; preemptive by aggregation of the classes from the top."""
    readers, time = setting.readers, setting.read_time_diseased
    rates = [sum(kind.rate for kind in kinds) for kinds in classes]
    first = first_wait(readers, setting.traffic, time)
    found = []
    for rank, rate in enumerate(rates):
        above = sum(rates[:rank])
        before, upto = above * time / readers, (above + rate) * time / readers
        if discipline is Discipline.NON_PREEMPTIVE:
            found.append(_ClassWait(first / ((1 - before) * (1 - upto))))
        elif rate:
            inside = (above + rate) * _fifo(readers, upto, time) - above * _fifo(readers, before, time)
            found.append(_ClassWait(inside / rate))
        else:
            found.append(_ClassWait(math.nan))
    return found


def _fifo(readers: int, traffic: float, time: float) -> float:
    return first_wait(readers, traffic, time) / (1 - traffic) if traffic else 0.0
