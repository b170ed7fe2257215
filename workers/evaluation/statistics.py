"""The few statistics that evaluation rests on, each with an interval: AUC, proportions, calibration, thresholds.

Images and vertebrae of one patient are not independent, so resampling is by patient.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize, minimize_scalar
from scipy.stats import beta, norm, rankdata

from workers.models.calibrate import logit, sigmoid, softmax

Array = NDArray[Any]


@dataclass(frozen=True)
class Estimate:
    """A value and its 95 % interval."""

    value: float
    low: float
    high: float

    def rounded(self, digits: int = 4) -> list[float]:
        return [round(self.value, digits), round(self.low, digits), round(self.high, digits)]


def auc_delong(scores: Array, positive: Array) -> Estimate:
    """Area under the ROC curve with DeLong's variance by midranks (Sun and Xu 2014)."""
    hit, miss = np.asarray(scores, float)[positive], np.asarray(scores, float)[~positive]
    m, n = len(hit), len(miss)
    if min(m, n) < 2:
        return Estimate(float("nan"), 0.0, 1.0)
    ranks_all = rankdata(np.concatenate([hit, miss]))
    place_hit = (ranks_all[:m] - rankdata(hit)) / n
    place_miss = 1 - (ranks_all[m:] - rankdata(miss)) / m
    area = float(place_hit.mean())
    spread = float(np.sqrt(np.var(place_hit, ddof=1) / m + np.var(place_miss, ddof=1) / n))
    reach = float(norm.ppf(0.975)) * spread
    return Estimate(area, max(0.0, area - reach), min(1.0, area + reach))


def proportion(successes: int, trials: int) -> Estimate:
    """Clopper-Pearson."""
    if trials == 0:
        return Estimate(float("nan"), 0.0, 1.0)
    low = float(beta.ppf(0.025, successes, trials - successes + 1)) if successes else 0.0
    high = float(beta.ppf(0.975, successes + 1, trials - successes)) if successes < trials else 1.0
    return Estimate(successes / trials, low, high)


def by_patient(
    statistic: Callable[[NDArray[np.intp]], float], patients: Array, *, rounds: int = 1000, seed: int = 0
) -> Estimate:
    """Percentile bootstrap that draws patients with all their rows; statistic takes row numbers."""
    rng = np.random.default_rng(seed)
    unique, inverse = np.unique(patients, return_inverse=True)
    rows = [np.flatnonzero(inverse == index) for index in range(len(unique))]
    values = []
    for _ in range(rounds):
        drawn = np.concatenate([rows[i] for i in rng.integers(0, len(unique), len(unique))])
        value = statistic(drawn)
        if np.isfinite(value):
            values.append(value)
    low, high = (float(v) for v in np.percentile(values or [np.nan], (2.5, 97.5)))
    return Estimate(statistic(np.arange(len(patients))), low, high)


def auc(scores: Array, positive: Array) -> float:
    """Area only; NaN when one class is missing, as happens in a resample."""
    if positive.all() or not positive.any():
        return float("nan")
    ranks = rankdata(scores)
    m = int(positive.sum())
    return float((ranks[positive].sum() - m * (m + 1) / 2) / (m * (len(scores) - m)))


def calibration_error(probability: Array, outcome: Array, bins: int = 10) -> float:
    """Expected calibration error over bins of equal mass."""
    order = np.argsort(probability, kind="stable")
    parts = [part for part in np.array_split(order, bins) if len(part)]
    gaps = [abs(float(probability[p].mean()) - float(outcome[p].mean())) * len(p) for p in parts]
    return sum(gaps) / len(order)


def reliability(probability: Array, outcome: Array, bins: int = 10) -> list[tuple[float, float, int]]:
    """Mean probability, observed share and size per bin of equal mass."""
    order = np.argsort(probability, kind="stable")
    parts = [part for part in np.array_split(order, bins) if len(part)]
    return [(float(probability[p].mean()), float(outcome[p].mean()), len(p)) for p in parts]


def threshold_for(positives: Array, target: float, confidence: float = 0.95) -> float | None:
    """The highest threshold whose sensitivity is at least target with the given one-sided confidence.

    With n positives, as many may fall below as keep the exact binomial lower bound above the target; None when even
    zero misses cannot prove it (for .95 that takes 59 positives). A plain quantile misses its target (models.md 2.3).
    """
    ordered = np.sort(np.asarray(positives, float))
    allowed = -1
    for misses in range(len(ordered)):
        if float(beta.ppf(1 - confidence, len(ordered) - misses, misses + 1)) < target:
            break
        allowed = misses
    return None if allowed < 0 else float(ordered[allowed])


def _nll(logits: Array, labels: Array) -> float:
    picked = softmax(logits)[np.arange(len(labels)), labels]
    return float(-np.log(np.maximum(picked, 1e-12)).mean())


def fit_temperature(logits: Array, labels: Array) -> float:
    """One divisor for all logits that minimises the negative log-likelihood."""
    found = minimize_scalar(lambda t: _nll(logits / np.exp(t), labels), bounds=(-2.0, 2.5), method="bounded")
    return float(np.exp(found.x))


def fit_temperature_and_bias(logits: Array, labels: Array) -> tuple[float, list[float]]:
    """A divisor and one bias per class (the first is 0), when training and use differ in class balance."""
    classes = logits.shape[1]

    def loss(free: Array) -> float:
        bias = np.concatenate([[0.0], free[1:]])
        return _nll(logits / np.exp(free[0]) + bias, labels) + 1e-4 * float(np.sum(free**2))

    found = minimize(loss, np.zeros(classes), method="Nelder-Mead", options={"maxiter": 2000, "xatol": 1e-4})
    return float(np.exp(found.x[0])), [0.0, *(float(v) for v in found.x[1:])]


def fit_platt(scores: Array, positive: Array) -> tuple[float, float]:
    """slope and intercept of sigmoid(slope * logit(score) + intercept)."""
    values, outcome = logit(scores), np.asarray(positive, float)

    def loss(free: Array) -> float:
        p = np.clip(sigmoid(free[0] * values + free[1]), 1e-9, 1 - 1e-9)
        return float(
            -(outcome * np.log(p) + (1 - outcome) * np.log(1 - p)).mean() + 1e-4 * (free[0] - 1) ** 2
        )

    found = minimize(loss, np.array([1.0, 0.0]), method="Nelder-Mead")
    return max(float(found.x[0]), 1e-3), float(found.x[1])
