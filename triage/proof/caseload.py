"""The studies of a simulated list: when they come, what they are, what the algorithm says and when, how long they take.

Promises: the same seed gives the same studies whatever the order, so that two orders are compared on one list.
The score is a flag (sensitivity, FPF) and, where an AUC is given, a normal score inside flagged and unflagged
that makes up the rest of it; the probability is the posterior of both: calibrated by construction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from triage.domain.errors import Refused

DAY = 1440.0
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
EVEN_DAY = (1.0,) * 24


@dataclass(frozen=True, slots=True)
class Stream:
    """One class of studies. `priority` is the requested priority; `hours` are 24 weights of the day.

    `first` studies stand before all others and are not seen by the algorithm.
    """

    priority: str
    per_day: float
    prevalence: float
    read_time_diseased: float
    read_time_other: float
    hours: tuple[float, ...] = EVEN_DAY
    first: bool = False


@dataclass(frozen=True, slots=True)
class Algorithm:
    """What the algorithm does: minutes = fixed + exponential; `failures` end without a result."""

    sensitivity: float
    fpf: float
    auc: float | None = None
    fixed_minutes: float = 0.0
    random_minutes: float = 0.0
    failures: float = 0.0

    @property
    def inner_distance(self) -> float:
        """Return the distance between diseased and others in the score inside flagged and unflagged."""
        if self.auc is None:
            return 0.0
        hit, clear = self.sensitivity, 1 - self.fpf
        inner = (self.auc - hit * clear) / (hit * self.fpf + (1 - hit) * clear)
        if not 0.5 <= inner < 1:
            least, most = (hit + clear) / 2, hit * clear + (hit * self.fpf + (1 - hit) * clear)
            raise Refused("auc", f"with this flag the AUC lies between {least:.3f} and {most:.3f}")
        return 2**0.5 * NormalDist().inv_cdf(inner)


@dataclass(frozen=True, slots=True)
class Habits:
    """How readers read: the spread of reading times, how often the oldest is taken instead of the top one."""

    times: Literal["exponential", "lognormal", "empirical"] = "exponential"
    variation: float = 0.7
    minutes: tuple[float, ...] = ()
    strays: float = 0.0
    false_flag_tax: float = 0.0


@dataclass(frozen=True, slots=True)
class Caseload:
    """Studies in the order of arrival, one array each; times in minutes.

    `failed`: `result_at` is when it is known that no result will come. Infinite: the algorithm never saw it.
    """

    streams: tuple[Stream, ...]
    arrived: Floats
    stream: NDArray[np.int64]
    diseased: Bools
    flagged: Bools
    probability: Floats
    result_at: Floats
    failed: Bools
    read_time: Floats
    strays: Bools

    def __len__(self) -> int:
        return len(self.arrived)


def times_of(text: str) -> tuple[float, ...]:
    """Return the minutes that a file holds, one a line; raises Refused at a line that is no time."""
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            minutes = float(line)
        except ValueError:
            minutes = -1.0
        if not 0 < minutes < DAY:
            raise Refused("times", f"line {number} is not a reading time in minutes")
        found.append(minutes)
    if not found:
        raise Refused("times", "the file holds no reading time")
    return tuple(found)


def draw(streams: Sequence[Stream], algorithm: Algorithm, habits: Habits, days: float, seed: int) -> Caseload:
    """Return the studies of so many days."""
    random = np.random.default_rng(seed)
    times = [_arrivals(stream, days, random) for stream in streams]
    arrived = np.concatenate(times)
    stream = np.repeat(np.arange(len(streams)), [len(one) for one in times])
    turn = np.argsort(arrived, kind="stable")
    arrived, stream = arrived[turn], stream[turn]
    count = len(arrived)
    diseased = random.random(count) < _each(streams, "prevalence", stream)
    seen = ~_each(streams, "first", stream).astype(bool)
    failed = (random.random(count) < algorithm.failures) | ~seen
    flagged = (random.random(count) < np.where(diseased, algorithm.sensitivity, algorithm.fpf)) & ~failed
    result_at = arrived + algorithm.fixed_minutes
    if algorithm.random_minutes:
        result_at = result_at + random.exponential(algorithm.random_minutes, count)
    result_at[~seen] = np.inf
    means = np.where(
        diseased, _each(streams, "read_time_diseased", stream), _each(streams, "read_time_other", stream)
    )
    return Caseload(
        streams=tuple(streams),
        arrived=arrived,
        stream=stream,
        diseased=diseased,
        flagged=flagged,
        probability=_posterior(streams, algorithm, stream, diseased, flagged, random),
        result_at=result_at,
        failed=failed,
        read_time=means * _unit_times(habits, count, random) * _tax(habits, flagged & ~diseased),
        strays=random.random(count) < habits.strays,
    )


def _each(streams: Sequence[Stream], name: str, stream: NDArray[np.int64]) -> Floats:
    return np.array([float(getattr(one, name)) for one in streams])[stream]


def _arrivals(stream: Stream, days: float, random: Generator) -> Floats:
    count = int(random.poisson(stream.per_day * days))
    day, part = np.divmod(random.random(count) * days, 1.0)
    share = np.concatenate([[0.0], np.cumsum(stream.hours)]) / sum(stream.hours)
    return np.sort(day * DAY + np.interp(part, share, np.arange(25) * 60.0))


def _unit_times(habits: Habits, count: int, random: Generator) -> Floats:
    """Return reading times of mean 1."""
    if habits.times == "empirical":
        found = np.array(habits.minutes)
        return random.choice(found / found.mean(), count)
    if habits.times == "lognormal":
        spread = np.log(1 + habits.variation**2)
        return random.lognormal(-spread / 2, spread**0.5, count)
    return random.exponential(1.0, count)


def _tax(habits: Habits, false_flag: Bools) -> Floats:
    return np.where(false_flag, 1.0 + habits.false_flag_tax, 1.0)


def _posterior(
    streams: Sequence[Stream],
    algorithm: Algorithm,
    stream: NDArray[np.int64],
    diseased: Bools,
    flagged: Bools,
    random: Generator,
) -> Floats:
    distance = algorithm.inner_distance
    score = random.standard_normal(len(stream)) + distance * diseased
    hit = np.where(flagged, algorithm.sensitivity, 1 - algorithm.sensitivity)
    false = np.where(flagged, algorithm.fpf, 1 - algorithm.fpf)
    prevalence = _each(streams, "prevalence", stream)
    for_disease = prevalence * hit * np.exp(distance * score - distance**2 / 2)
    against = (1 - prevalence) * false
    both = for_disease + against
    return np.asarray(np.divide(for_disease, both, out=np.zeros_like(both), where=both > 0))
