"""Which members make the best ensemble: every subset is tried, none is guessed.

Nine networks have 2^9 - 1 = 511 subsets (Yabu et al. 2021). A subset answers with the mean of its members'
probabilities; the subset with the largest area under the ROC curve on validation patients is chosen.
Tie rule: areas are compared as exact pair counts; of equal subsets the one with the fewest members, then the one whose
members come first in the order given.
The best of 511 looks better than it is on the images that chose it: `optimism` says by how much, from resamples of
patients in which the choice is made anew and checked on the patients left out.
Refuses: fewer than two of either class, values outside 0..1, more than MOST members.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm, rankdata

from triage.domain.errors import Refused

Float = NDArray[np.float64]
MOST = 12
_REACH = float(norm.ppf(0.975))


class SearchRefused(Refused):
    """The probabilities or labels cannot choose an ensemble; the sentence says why."""


@dataclass(frozen=True)
class Subset:
    """Member names in the order given, area with DeLong's 95 % interval."""

    members: tuple[str, ...]
    area: float
    low: float
    high: float


@dataclass(frozen=True)
class Search:
    """ranked holds every subset, best first by the tie rule; equals how many shared the best area."""

    ranked: tuple[Subset, ...]
    equals: int
    cases: int
    positives: int

    @property
    def chosen(self) -> Subset:
        return self.ranked[0]


def masks(members: int) -> NDArray[np.bool_]:
    """All non-empty subsets [2^members - 1, members]: fewest members first, then in the order of the members."""
    numbers = np.arange(1, 2**members)
    table = (numbers[:, None] >> np.arange(members)[::-1]) & 1 == 1
    order = np.lexsort((-numbers, table.sum(axis=1)))
    return np.asarray(table[order], bool)


def means(probabilities: Float, table: NDArray[np.bool_]) -> Float:
    """Mean probability of each subset [subsets, cases] from [members, cases]."""
    return np.asarray((table @ probabilities) / table.sum(axis=1)[:, None], np.float64)


def _check(names: Sequence[str], probabilities: Float, positive: NDArray[np.bool_]) -> None:
    if not 1 <= len(names) <= MOST or len(set(names)) != len(names):
        raise SearchRefused(
            "ensemble", f"{len(names)} members: 1 to {MOST} with different names are possible"
        )
    if probabilities.shape != (len(names), len(positive)):
        raise SearchRefused("ensemble", f"probabilities are {probabilities.shape}, labels {positive.shape}")
    if not (np.isfinite(probabilities).all() and probabilities.min() >= 0 and probabilities.max() <= 1):
        raise SearchRefused("ensemble", "a probability is no number from 0 to 1")
    if min(int(positive.sum()), int((~positive).sum())) < 2:
        raise SearchRefused("ensemble", "at least two positive and two negative cases are needed")


def _placements(scores: Float, positive: NDArray[np.bool_]) -> tuple[NDArray[np.int64], Float, Float]:
    """Twice the number of right pairs [subsets], and each case's share of right pairs (Sun and Xu 2014)."""
    hit, miss = scores[:, positive], scores[:, ~positive]
    m, n = hit.shape[1], miss.shape[1]
    ranks = rankdata(np.concatenate([hit, miss], axis=1), axis=1)
    above = ranks[:, :m] - rankdata(hit, axis=1)
    below = ranks[:, m:] - rankdata(miss, axis=1)
    # Ranks are whole or half, so twice their sum is a whole number and areas compare exactly.
    pairs = np.rint(2 * above.sum(axis=1)).astype(np.int64)
    return pairs, above / n, 1 - below / m


def search(names: Sequence[str], probabilities: Float, positive: NDArray[np.bool_]) -> Search:
    """Every subset with its area; probabilities [members, cases] of the positive class, positive [cases]."""
    probabilities, positive = np.asarray(probabilities, np.float64), np.asarray(positive, bool)
    _check(names, probabilities, positive)
    table = masks(len(names))
    pairs, hits, misses = _placements(means(probabilities, table), positive)
    m, n = hits.shape[1], misses.shape[1]
    area = pairs / (2 * m * n)
    reach = _REACH * np.sqrt(hits.var(axis=1, ddof=1) / m + misses.var(axis=1, ddof=1) / n)
    # masks() stands in the order of the tie rule and the sort is stable.
    order = np.argsort(-pairs, kind="stable")
    ranked = tuple(
        Subset(
            tuple(name for name, taken in zip(names, table[i], strict=True) if taken),
            float(area[i]),
            max(0.0, float(area[i] - reach[i])),
            min(1.0, float(area[i] + reach[i])),
        )
        for i in order
    )
    return Search(ranked, int((pairs == pairs.max()).sum()), len(positive), m)


class _Weighed:
    """Areas of all subsets when each case counts a whole number of times, without sorting again."""

    def __init__(self, scores: Float, positive: NDArray[np.bool_]) -> None:
        self._order = np.argsort(scores, axis=1)
        ordered = np.take_along_axis(scores, self._order, axis=1)
        self._positive = positive
        new = np.diff(ordered, axis=1, prepend=-1.0) > 0
        places = np.arange(scores.shape[1])
        self._first = np.maximum.accumulate(np.where(new, places, 0), axis=1)
        last = np.concatenate([new[:, 1:], np.ones((len(scores), 1), bool)], axis=1)
        self._last = np.flip(
            np.minimum.accumulate(np.flip(np.where(last, places, len(places)), axis=1), axis=1), axis=1
        )

    def areas(self, counts: NDArray[np.int64]) -> Float:
        """[subsets]; NaN where a class is missing."""
        hit = np.where(self._positive, counts, 0)[self._order]
        miss = np.where(self._positive, 0, counts)[self._order]
        below = np.concatenate([np.zeros((len(miss), 1)), np.cumsum(miss, axis=1)], axis=1)
        before = np.take_along_axis(below, self._first, axis=1)
        until = np.take_along_axis(below, self._last + 1, axis=1)
        pairs = hit.sum(axis=1) * miss.sum(axis=1)
        right = (hit * (before + until)).sum(axis=1) / 2
        return np.asarray(np.where(pairs > 0, right / np.maximum(pairs, 1), np.nan), np.float64)


def optimism(
    names: Sequence[str], probabilities: Float, positive: NDArray[np.bool_], patients: NDArray[Any], *, rounds: int, seed: int
) -> float:  # fmt: skip
    """Mean of (area where chosen - area on the patients left out) over resamples of patients; NaN without a usable one."""
    table = masks(len(names))
    weighed = _Weighed(means(np.asarray(probabilities, np.float64), table), np.asarray(positive, bool))
    unique, owner = np.unique(patients, return_inverse=True)
    rng = np.random.default_rng(seed)
    gaps = []
    for _ in range(rounds):
        drawn = np.bincount(rng.integers(0, len(unique), len(unique)), minlength=len(unique))
        inside = weighed.areas(drawn[owner])
        outside = weighed.areas((drawn[owner] == 0).astype(np.int64))
        best = int(np.argmax(inside))
        if np.isfinite(inside[best]) and np.isfinite(outside[best]):
            gaps.append(float(inside[best] - outside[best]))
    return float(np.mean(gaps)) if gaps else float("nan")
