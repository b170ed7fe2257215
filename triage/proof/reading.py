"""Discrete events, non-preemptive: readers take one study after another until all are read.

Promises: a study is opened once, after it arrived, by a reader on duty; nobody idles while a study waits;
with a guard no study is passed more than K times. As in the product a study is passed by younger ones of its own
or a less pressing class. Takes one second per some 300,000 studies, plain Python: the state is two heaps and a
sorted list for each class, and the passes of a study need no counter of their own: among the studies that can
pass i, passes(i) = opened so far - (how many of them are older) + (how many of those still wait).
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heappush, heapreplace

import numpy as np
from numpy.typing import NDArray

from triage.domain.requested import RANK, RequestedPriority
from triage.proof.caseload import Caseload, Floats
from triage.proof.orders import Keys, Order
from triage.proof.rota import Clock, Rota


@dataclass(frozen=True, slots=True)
class Opened:
    """When each study was opened (minutes), by how many younger ones it was passed, which the guard promoted."""

    at: Floats
    passed: Floats
    promoted: int


def read_through(load: Caseload, keys: Keys, order: Order, rota: Rota) -> Opened:
    """Return when each study is opened."""
    desk = Desk(load, keys, order, rota)
    slots = rota.slots()
    free = [(0.0, number) for number in range(len(slots))]
    heapify(free)
    left = len(load)
    while left:
        moment, number = free[0]
        begins = slots[number].on_duty(moment)
        if begins > moment:
            heapreplace(free, (begins, number))
            continue
        desk.absorb(moment)
        if not desk.waiting:
            heapreplace(free, (desk.arrived[desk.next], number))
            continue
        study = desk.take(moment)
        left -= 1
        heapreplace(free, (moment + desk.read_time[study], number))
    return Opened(np.array(desk.opened), np.array(desk.passed), desk.promoted)


class Desk:
    """What waits, and which of it is next."""

    def __init__(self, load: Caseload, keys: Keys, order: Order, clock: Clock) -> None:
        self.arrived: list[float] = load.arrived.tolist()
        self.read_time: list[float] = load.read_time.tolist()
        self.result_at: list[float] = load.result_at.tolist()
        self.strays: list[bool] = load.strays.tolist()
        self.stream: list[int] = load.stream.tolist()
        self.key: list[float] = keys.before.tolist()
        self.after: list[float] = keys.after.tolist()
        self.accumulating, self.head_start, self.staffed = keys.accumulating, order.head_start, clock
        self.clock: list[float] = clock.staffed(load.arrived).tolist() if keys.accumulating else []
        self.limit = [order.guard.get(one.priority, 0) for one in load.streams]
        self.oldest: list[deque[int]] = [deque() for _ in load.streams]
        self.guarded = any(self.limit)
        self.opened: list[float] = [-1.0] * len(load)
        self.passed: list[float] = [0.0] * len(load)
        self.openings = self.promoted = self.next = 0
        # Group g holds the studies that can pass one of the g-th most pressing class there is; the first holds all.
        ranks = np.array([RANK[RequestedPriority(one.priority)] for one in load.streams])
        present: list[int] = sorted(set(ranks[load.stream].tolist())) or [0]
        self.group = [bisect_left(present, rank) for rank in ranks.tolist()]
        self.older = _older(ranks[load.stream], present)
        self.groups: list[list[int]] = [[] for _ in present]
        self.counts = [0] * len(present)
        self.waiting = self.groups[0]
        self.heap: list[tuple[float, int]] = []
        self.results: list[tuple[float, int]] = []

    def absorb(self, moment: float) -> None:
        """Take in what arrived and what results came until `moment`."""
        arrived, result_at, key, results = self.arrived, self.result_at, self.key, self.results
        study, end = self.next, len(arrived)
        while study < end and arrived[study] <= moment:
            if result_at[study] <= moment:
                key[study] = self.after[study]
            elif self.after[study] != key[study] and result_at[study] < np.inf:
                heappush(results, (result_at[study], study))
            heappush(self.heap, (key[study], study))
            for group in range(self.group[self.stream[study]] + 1):
                self.groups[group].append(study)
            if self.guarded:
                self.oldest[self.stream[study]].append(study)
            study += 1
        self.next = study
        while results and results[0][0] <= moment:
            changed = heappop(results)[1]
            if self.opened[changed] < 0:
                key[changed] = self.after[changed]
                heappush(self.heap, (key[changed], changed))

    def take(self, moment: float) -> int:
        """Open the next study."""
        study = self._overdue() if self.guarded else -1
        if study >= 0:
            self.promoted += 1
        elif self.strays[self.openings]:
            study = self.waiting[0]
        else:
            study = self._steepest(moment) if self.accumulating else self._first()
        self.opened[study] = moment
        self.passed[study] = self._passes(study)
        for group in range(self.group[self.stream[study]] + 1):
            waiting = self.groups[group]
            del waiting[bisect_left(waiting, study)]
            self.counts[group] += 1
        self.openings += 1
        return study

    def _passes(self, study: int) -> int:
        group = self.group[self.stream[study]]
        return self.counts[group] - self.older[study] + bisect_left(self.groups[group], study)

    def _first(self) -> int:
        heap, key, opened = self.heap, self.key, self.opened
        while True:
            found, study = heappop(heap)
            # An entry is stale when its study is open, or stands under a newer key.
            if opened[study] < 0 and key[study] == found:
                return study

    def _steepest(self, moment: float) -> int:
        now = self.staffed.staffed_at(moment) + self.head_start
        clock, slope = self.clock, self.key
        return max(self.waiting, key=lambda study: (slope[study] * (now - clock[study]), -study))

    def _overdue(self) -> int:
        """Return the oldest study that may not be passed again, or -1.

        In a class the oldest is the one passed most, so only the head of each class is looked at.
        """
        found = -1
        for limit, heads in zip(self.limit, self.oldest, strict=True):
            while heads and self.opened[heads[0]] >= 0:
                heads.popleft()
            if not limit or not heads:
                continue
            head = heads[0]
            if self._passes(head) >= limit and (found < 0 or head < found):
                found = head
        return found


def _older(ranks: NDArray[np.int64], present: Sequence[int]) -> list[int]:
    """Return, for each study, how many older ones are of its own or a less pressing class."""
    found = np.zeros(len(ranks), dtype=np.int64)
    for rank in present:
        able, own = ranks >= rank, ranks == rank
        found[own] = (np.cumsum(able) - able)[own]
    older: list[int] = found.tolist()
    return older
