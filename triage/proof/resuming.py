"""Discrete events, preemptive-resume: a study that comes first interrupts the reading of one that comes later.

For comparison with published theory alone: nobody interrupts a half-read radiograph, and this discipline
flatters every triage. Readers are always there (no rota), follow the order, and results may come late.
"""

from __future__ import annotations

from heapq import heappop, heappush

import numpy as np

from triage.proof.caseload import Caseload, Floats
from triage.proof.orders import Keys


def read_and_resume(load: Caseload, keys: Keys, readers: int) -> Floats:
    """Return each study's wait: from arrival to the end of its reading, less the reading (minutes)."""
    desk = _Interruptible(load, keys, readers)
    results = [(at, study) for study, at in enumerate(load.result_at.tolist()) if desk.revised(study, at)]
    results.sort(reverse=True)
    for study, moment in enumerate(desk.arrived):
        while results and results[-1][0] <= moment:
            desk.result(*results.pop())
        desk.finish_until(moment)
        desk.arrive(moment, study)
    while results:
        desk.result(*results.pop())
    desk.finish_until(float("inf"))
    return np.array(desk.done) - load.arrived - load.read_time


class _Interruptible:
    """Studies being read as [end, key, study], at most `readers`, and the heap of those that wait."""

    def __init__(self, load: Caseload, keys: Keys, readers: int) -> None:
        self.arrived: list[float] = load.arrived.tolist()
        self.left: list[float] = load.read_time.tolist()
        self.key: list[float] = np.where(load.result_at <= load.arrived, keys.after, keys.before).tolist()
        self.after: list[float] = keys.after.tolist()
        self.done: list[float] = [-1.0] * len(load)
        self.readers = readers
        self.reading: list[tuple[float, float, int]] = []
        self.heap: list[tuple[float, int]] = []

    def revised(self, study: int, at: float) -> bool:
        """Tell whether a result that comes later changes the study's key."""
        return self.arrived[study] < at < float("inf") and self.after[study] != self.key[study]

    def arrive(self, moment: float, study: int) -> None:
        """Read the study at once, in the place of a later one if need be, or let it wait."""
        reading, key = self.reading, self.key[study]
        if len(reading) < self.readers:
            reading.append((moment + self.left[study], key, study))
            return
        last = max(reading, key=lambda one: (one[1], one[2]))
        if (key, study) < (last[1], last[2]):
            reading.remove(last)
            self.left[last[2]] = last[0] - moment
            heappush(self.heap, (last[1], last[2]))
            reading.append((moment + self.left[study], key, study))
        else:
            heappush(self.heap, (key, study))

    def result(self, moment: float, study: int) -> None:
        """Give a study its key after the result."""
        self.finish_until(moment)
        if self.done[study] >= 0:
            return
        self.key[study] = self.after[study]
        for place, (end, _, read) in enumerate(self.reading):
            if read == study:
                self.reading[place] = (end, self.after[study], study)
                return
        self.arrive(moment, study)

    def finish_until(self, moment: float) -> None:
        """Finish what ends until `moment`; each reader goes on with the first that waits."""
        reading = self.reading
        while reading:
            first = min(reading)
            if first[0] > moment:
                return
            reading.remove(first)
            self.done[first[2]] = first[0]
            while self.heap:
                key, study = heappop(self.heap)
                # Stale: finished, being read under a newer key, or standing under a newer key.
                if (
                    self.done[study] < 0
                    and key == self.key[study]
                    and all(one[2] != study for one in reading)
                ):
                    reading.append((first[0] + self.left[study], key, study))
                    break
