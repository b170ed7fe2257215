"""Two models, or a model and readers, on the same cases: DeLong's paired test and McNemar's exact test.

Sources: DeLong, DeLong, Clarke-Pearson 1988 by midranks (Sun and Xu 2014); McNemar 1947, exact binomial form.
Both take cases as independent; the bootstrap by patient beside them does not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest, norm, rankdata

from workers.evaluation.statistics import Estimate

Array = NDArray[Any]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class PairedAreas:
    """Areas of two scores on the same cases, their difference (first less second) and its test."""

    first: float
    second: float
    difference: Estimate
    z: float
    p: float


def placements(scores: Array, positive: Array) -> tuple[Floats, Floats]:
    """Return DeLong's structural components: of each positive among the negatives, and the reverse."""
    scores, positive = np.asarray(scores, float), np.asarray(positive, bool)
    hit, miss = scores[positive], scores[~positive]
    ranks = rankdata(np.concatenate([hit, miss]))
    of_hits: Floats = (ranks[: len(hit)] - rankdata(hit)) / len(miss)
    of_misses: Floats = 1 - (ranks[len(hit) :] - rankdata(miss)) / len(hit)
    return of_hits, of_misses


def delong_paired(first: Array, second: Array, positive: Array) -> PairedAreas:
    """Return the comparison of two scores; p is 1 where they rank all pairs alike."""
    (hit_a, miss_a), (hit_b, miss_b) = placements(first, positive), placements(second, positive)
    if min(len(hit_a), len(miss_a)) < 2:
        nothing = float("nan")
        return PairedAreas(nothing, nothing, Estimate(nothing, nothing, nothing), nothing, nothing)
    variance = float(
        np.var(hit_a - hit_b, ddof=1) / len(hit_a) + np.var(miss_a - miss_b, ddof=1) / len(miss_a)
    )
    area_a, area_b = float(hit_a.mean()), float(hit_b.mean())
    gap, spread = area_a - area_b, float(np.sqrt(variance))
    if spread < 1e-12:
        return PairedAreas(area_a, area_b, Estimate(gap, gap, gap), 0.0, 1.0)
    reach = float(norm.ppf(0.975)) * spread
    z = gap / spread
    return PairedAreas(area_a, area_b, Estimate(gap, gap - reach, gap + reach), z, float(2 * norm.sf(abs(z))))


def mcnemar(right_first: Array, right_second: Array) -> dict[str, Any]:
    """Return discordant counts and McNemar's exact two-sided p of two series of right-or-wrong."""
    one, two = np.asarray(right_first, bool), np.asarray(right_second, bool)
    only_first, only_second = int((one & ~two).sum()), int((~one & two).sum())
    discordant = only_first + only_second
    p = float(binomtest(only_first, discordant, 0.5).pvalue) if discordant else 1.0
    return {"only_first_right": only_first, "only_second_right": only_second, "cases": len(one), "p": p}
