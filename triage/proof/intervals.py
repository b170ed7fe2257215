"""Means with honest intervals: batch means for one long run, bootstrap over days, Wilson for shares.

A simulated or replayed wait depends on the one before it, so the spread of single waits says nothing about
the error of their mean; the spread of the means of long batches does.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from triage.proof.caseload import Bools, Floats

BATCHES = 40
# Student's t, 97.5 %, 39 degrees of freedom; the normal's.
T_39, Z = 2.02269, 1.959964


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean with its standard error and 95 % interval; NaN where nothing was seen."""

    mean: float
    error: float
    low: float
    high: float


def batch_means(values: Floats, chosen: Bools, *, warm_up: float = 0.025) -> Estimate:
    """Return the mean of the chosen values, in order of arrival; the first `warm_up` share is cut."""
    start = int(len(values) * warm_up)
    values, chosen = values[start:], chosen[start:]
    edges = np.linspace(0, len(values), BATCHES + 1).astype(int)[:-1]
    counts = np.add.reduceat(chosen.astype(float), edges)
    sums = np.add.reduceat(np.where(chosen, values, 0.0), edges)
    if counts.sum() == 0:
        return Estimate(math.nan, math.nan, math.nan, math.nan)
    mean = float(sums.sum() / counts.sum())
    # A ratio of two batch sums (studies of the kind vary in number): its linear error.
    residual = sums - mean * counts
    error = float(np.sqrt((residual**2).sum() * BATCHES / (BATCHES - 1)) / counts.sum())
    return Estimate(mean, error, mean - T_39 * error, mean + T_39 * error)


def wilson(hits: int, trials: int) -> tuple[float, float]:
    """Return the 95 % Wilson interval of a share; (0, 1) when nothing was tried."""
    if trials == 0:
        return 0.0, 1.0
    share, z2 = hits / trials, Z**2
    centre = share + z2 / (2 * trials)
    half = Z * math.sqrt(share * (1 - share) / trials + z2 / (4 * trials**2))
    low, high = (centre - half) / (1 + z2 / trials), (centre + half) / (1 + z2 / trials)
    return (0.0 if hits == 0 else low), (1.0 if hits == trials else high)


def over_days(
    days: Sequence[int], figure: Callable[[Sequence[int]], float], *, rounds: int = 500, seed: int = 7
) -> tuple[float, float]:
    """Return the 95 % interval of a figure by drawing whole days with replacement."""
    random = np.random.default_rng(seed)
    drawn = [figure([days[n] for n in random.integers(0, len(days), len(days))]) for _ in range(rounds)]
    known = [value for value in drawn if not math.isnan(value)]
    if not known:
        return math.nan, math.nan
    low, high = np.percentile(known, [2.5, 97.5])
    return float(low), float(high)
