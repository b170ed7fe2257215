"""One simulated list under one order: the waits of each kind of study, with intervals.

Promises: reproducible by seed; the same studies for every order. Refuses (`Refused`) what the preemptive
discipline does not know: a rota, a guard, readers who stray, accumulating priority.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from triage.domain.errors import Refused
from triage.proof.caseload import Algorithm, Bools, Caseload, Floats, Habits, Stream, draw
from triage.proof.intervals import Estimate, batch_means
from triage.proof.orders import Order, keys
from triage.proof.reading import read_through
from triage.proof.resuming import read_and_resume
from triage.proof.rota import Rota, always
from triage.proof.theory import Discipline, Setting

WARM_UP = 0.025


@dataclass(frozen=True, slots=True)
class Run:
    """Waits of every study, wall clock and staffed clock (minutes), and what the guard did."""

    load: Caseload
    wall: Floats
    staffed: Floats
    passed: Floats
    promoted: int


@dataclass(frozen=True, slots=True)
class Summary:
    """One kind of study: mean with interval, and the tail (minutes)."""

    kind: str
    studies: int
    wall: Estimate
    staffed: Estimate
    p50: float
    p95: float
    p99: float
    worst: float
    most_passed: int


def run(load: Caseload, order: Order, rota: Rota, discipline: Discipline = Discipline.NON_PREEMPTIVE) -> Run:
    """Return what every study waits under the order."""
    known = keys(order, load, rota)
    if discipline is Discipline.PREEMPTIVE:
        _demand_plain(load, order, rota)
        waits = read_and_resume(load, known, rota.readers[0])
        return Run(load, waits, waits, np.zeros(len(load)), 0)
    opened = read_through(load, known, order, rota)
    staffed = rota.staffed(opened.at) - rota.staffed(load.arrived)
    return Run(load, opened.at - load.arrived, staffed, opened.passed, opened.promoted)


def _demand_plain(load: Caseload, order: Order, rota: Rota) -> None:
    if len(set(rota.readers)) > 1 or order.guard or order.name == "apq" or load.strays.any():
        raise Refused(
            "preemptive",
            "the preemptive discipline knows no rota, no guard, no accumulating priority and no reader who strays",
        )


def kinds(load: Caseload) -> Iterator[tuple[str, Bools]]:
    """Yield each kind of study with the studies that are of it; empty kinds are left out."""
    listed = ~np.array([one.first for one in load.streams])[load.stream]
    yield "diseased", load.diseased & listed
    yield "other", ~load.diseased & listed
    yield "flagged", load.flagged & listed
    yield "unflagged", ~load.flagged & listed
    yield "missed", load.diseased & ~load.flagged & listed
    for priority in dict.fromkeys(one.priority for one in load.streams):
        of_it = np.array([one.priority == priority for one in load.streams])[load.stream]
        yield f"{priority}, diseased", of_it & load.diseased
        yield f"{priority}, other", of_it & ~load.diseased


def summaries(done: Run) -> list[Summary]:
    """Return each kind's figures; tails are on the staffed clock."""
    start = int(len(done.load) * WARM_UP)
    after = np.arange(len(done.load)) >= start
    found = []
    for kind, chosen in kinds(done.load):
        tail = done.staffed[chosen & after]
        if len(tail):
            p50, p95, p99 = np.percentile(tail, [50, 95, 99])
            found.append(
                Summary(
                    kind,
                    len(tail),
                    batch_means(done.wall, chosen, warm_up=WARM_UP),
                    batch_means(done.staffed, chosen, warm_up=WARM_UP),
                    float(p50),
                    float(p95),
                    float(p99),
                    float(tail.max()),
                    int(done.passed[chosen & after].max()),
                )
            )
    return found


def benefit(base: float, policy: float, oracle: float) -> float:
    """Return phi: the share of the oracle's benefit; NaN where the oracle brings none."""
    return (base - policy) / (base - oracle) if base > oracle else float("nan")


def setting_load(
    setting: Setting,
    arrivals: int,
    seed: int,
    *,
    habits: Habits | None = None,
    algorithm: Algorithm | None = None,
    urgent: float = 0.0,
    rota: Rota | None = None,
) -> tuple[Caseload, Rota]:
    """Return about so many studies of a closed-form setting, and its readers; `urgent` of the list is HIGH.

    With a rota the traffic is of the time that it offers; studies come at all hours all the same.
    """
    duty = rota or always(setting.readers)
    per_day = setting.traffic * duty.reader_minutes / 7 / setting.mean_read_time
    listed = per_day * (1 - setting.interrupting)
    times = (setting.prevalence, setting.read_time_diseased, setting.read_time_other)
    streams: Sequence[Stream] = [
        Stream("STAT", per_day * setting.interrupting, 0.0, 1.0, setting.read_time_interrupting, first=True),
        Stream("HIGH", listed * urgent, *times),
        Stream("ROUTINE", listed * (1 - urgent), *times),
    ]
    flag = algorithm or Algorithm(setting.sensitivity, setting.fpf)
    load = draw(
        [one for one in streams if one.per_day > 0], flag, habits or Habits(), arrivals / per_day, seed
    )
    return load, duty
