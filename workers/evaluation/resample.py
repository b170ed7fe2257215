"""The bootstrap by patient, all rounds at once: patients are drawn with all their cases, as counts.

Promise: seeded; no loop over rounds for anything that is a function of summed counts. A statistic that some
rounds leave undefined is judged on the others; where all rounds agree (all right, or none) the interval is the
exact binomial one over patients, because a resample cannot show what it never saw.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workers.evaluation.statistics import Estimate, proportion

Array = NDArray[Any]
Floats = NDArray[np.float64]
ROUNDS = 2000
_CELLS_AT_ONCE = 4_000_000


class PatientBootstrap:
    """Draws once, so that every figure of a report, and both sides of a comparison, see the same resamples."""

    def __init__(self, patients: Array, *, rounds: int = ROUNDS, seed: int = 0) -> None:
        unique, self._inverse = np.unique(patients, return_inverse=True)
        self.count = len(unique)
        rng = np.random.default_rng([seed, 23])
        self._draws = rng.multinomial(self.count, np.full(self.count, 1 / self.count), size=rounds)

    @property
    def one_case_each(self) -> bool:
        """Tell whether every patient has a single case: then the exact intervals hold, too."""
        return self.count == len(self._inverse)

    def rows(self) -> Iterator[NDArray[np.intp]]:
        """Yield the row numbers of each round, for what is no function of summed counts."""
        everyone = np.arange(len(self._inverse))
        for draw in self._draws:
            yield np.repeat(everyone, draw[self._inverse])

    def patients_of(self, mask: Array) -> int:
        """Return how many patients have a case in a mask."""
        return len(np.unique(self._inverse[mask]))

    def sums(self, per_case: Array) -> Floats:
        """Return sums [rounds, ...] of values per case [n, ...] over the drawn cases."""
        flat = np.asarray(per_case, float).reshape(len(per_case), -1)
        per_patient = np.zeros((self.count, flat.shape[1]))
        np.add.at(per_patient, self._inverse, flat)
        drawn: Floats = self._draws.astype(float) @ per_patient
        return drawn.reshape(len(self._draws), *np.shape(per_case)[1:])

    def interval(self, per_case: Array, statistic: Callable[[Floats], Floats]) -> Estimate:
        """Return a statistic of summed counts [..., cells] -> [...] with its percentile interval."""
        whole = float(statistic(np.asarray(per_case, float).sum(axis=0)[None])[0])
        return self.around(whole, statistic(self.sums(per_case)))

    def around(self, whole: float, rounds: Floats) -> Estimate:
        """Return the whole sample's value with the interval of the rounds' values."""
        kept = rounds[np.isfinite(rounds)]
        if not np.isfinite(whole) or len(kept) == 0:
            return Estimate(float("nan"), float("nan"), float("nan"))
        low, high = (float(v) for v in np.percentile(kept, (2.5, 97.5)))
        return Estimate(whole, low, high)

    def aucs(self, scores: Array, positive: Array) -> Floats:
        """Return the area under the ROC curve of every round, ties counted half."""
        _, place = np.unique(scores, return_inverse=True)
        order = np.argsort(place, kind="stable")
        starts = np.flatnonzero(np.r_[True, np.diff(place[order]) > 0])
        hit = np.asarray(positive, bool)[order]
        step = max(1, _CELLS_AT_ONCE // len(order))
        parts = [
            _areas(self._draws[first : first + step][:, self._inverse[order]], hit, starts)
            for first in range(0, len(self._draws), step)
        ]
        return np.concatenate(parts)


def _areas(weights: Array, hit: Array, starts: Array) -> Floats:
    sick = np.add.reduceat(weights * hit, starts, axis=1).astype(float)
    well = np.add.reduceat(weights * ~hit, starts, axis=1).astype(float)
    below = np.cumsum(well, axis=1) - well
    pairs = sick.sum(axis=1) * well.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        areas: Floats = (sick * (below + well / 2)).sum(axis=1) / pairs
    return areas


def share(boot: PatientBootstrap, hits: Array, of: Array) -> Estimate:
    """Return the share of hits among cases [n] (booleans) with its interval."""
    hits, of = np.asarray(hits, bool) & np.asarray(of, bool), np.asarray(of, bool)
    cells = np.stack([hits, of], axis=1).astype(float)
    found = boot.interval(cells, _ratio)
    if not of.any():
        return found
    if boot.one_case_each:
        return proportion(int(hits.sum()), int(of.sum()))
    return uncollapsed(found, boot.patients_of(of))


def uncollapsed(found: Estimate, patients: int) -> Estimate:
    """Return a figure of 0 or 1 whose interval shrank to it with the exact binomial one over patients.

    No resample, and no variance formula, shows what was never seen: 20 of 20 patients right leaves 0.83 possible.
    """
    if found.low != found.high or found.value not in (0.0, 1.0):
        return found
    exact = proportion(int(found.value) * patients, patients)
    return Estimate(found.value, exact.low, exact.high)


def _ratio(cells: Floats) -> Floats:
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio: Floats = cells[..., 0] / cells[..., 1]
    return ratio
