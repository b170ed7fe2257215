"""What the algorithm is worth at this site, by what reports said.

Truth: a fresh fracture or not (an old one is not). `unknown` labels and studies without an answer (abstained, not
analysed) are counted, never scored: "not analysed" is not "negative". Shares carry Wilson intervals, the AUC
DeLong's (1988), calibration a logistic recalibration (Cox 1958): intercept 0 and slope 1 are perfect.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from triage.domain.outcome import OutcomeLabel, Scored
from triage.proof.caseload import Bools, Floats
from triage.proof.intervals import Z, wilson

ANSWERS = ("FLAGGED", "NOT_FLAGGED")
_EDGE = 1e-6


@dataclass(frozen=True, slots=True)
class Share:
    """A share with its 95 % interval, and what it is a share of; None where that is nothing."""

    value: float | None
    low: float
    high: float
    hits: int
    of: int


@dataclass(frozen=True, slots=True)
class Measured:
    """A figure with its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Decile:
    """A tenth of the studies by probability: mean of it, fresh fractures expected and observed."""

    studies: int
    probability: float
    expected: float
    observed: int


@dataclass(frozen=True, slots=True)
class Figures:
    """One site's or sender's figures. None: too few of one kind to say."""

    scored: int
    unknown_label: int
    without_answer: int
    fresh_without_answer: int
    prevalence: Share
    sensitivity: Share
    specificity: Share
    ppv: Share
    npv: Share
    auc: Measured | None
    intercept: float | None
    slope: float | None
    calibration_error: float | None
    deciles: tuple[Decile, ...]


def figures(rows: Sequence[Scored]) -> Figures:
    """Return the figures of these studies."""
    told = [row for row in rows if row.label is not OutcomeLabel.UNKNOWN]
    kept = [row for row in told if row.answer in ANSWERS]
    silent = [row for row in told if row.answer not in ANSWERS]
    fresh = np.array([row.label is OutcomeLabel.FRESH for row in kept], dtype=bool)
    flagged = np.array([row.answer == "FLAGGED" for row in kept], dtype=bool)
    with_chance = np.array([row.probability is not None for row in kept], dtype=bool)
    chance = np.array([row.probability or 0.0 for row in kept], dtype=float)[with_chance]
    truth = fresh[with_chance]
    intercept, slope = recalibration(chance, truth)
    tenths = deciles(chance, truth)
    return Figures(
        scored=len(kept),
        unknown_label=len(rows) - len(told),
        without_answer=len(silent),
        fresh_without_answer=sum(row.label is OutcomeLabel.FRESH for row in silent),
        prevalence=share(int(fresh.sum()), len(fresh)),
        sensitivity=share(int((flagged & fresh).sum()), int(fresh.sum())),
        specificity=share(int((~flagged & ~fresh).sum()), int((~fresh).sum())),
        ppv=share(int((flagged & fresh).sum()), int(flagged.sum())),
        npv=share(int((~flagged & ~fresh).sum()), int((~flagged).sum())),
        auc=delong(chance, truth),
        intercept=intercept,
        slope=slope,
        calibration_error=_error(tenths),
        deciles=tenths,
    )


def share(hits: int, of: int) -> Share:
    """Return a share with its Wilson interval."""
    low, high = wilson(hits, of)
    return Share(hits / of if of else None, low, high, hits, of)


def delong(scores: Floats, truth: Bools) -> Measured | None:
    """Return the AUC with DeLong's interval; None without two of each kind."""
    sick, well = scores[truth], scores[~truth]
    if len(sick) < 2 or len(well) < 2:
        return None
    together = _midranks(np.concatenate([sick, well]))
    above_well = (together[: len(sick)] - _midranks(sick)) / len(well)
    below_sick = 1 - (together[len(sick) :] - _midranks(well)) / len(sick)
    auc = float(above_well.mean())
    error = math.sqrt(above_well.var(ddof=1) / len(sick) + below_sick.var(ddof=1) / len(well))
    return Measured(auc, max(0.0, auc - Z * error), min(1.0, auc + Z * error))


def _midranks(values: Floats) -> Floats:
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    upto = np.cumsum(counts)
    return np.asarray((upto - (counts - 1) / 2)[place], dtype=float)


def recalibration(chance: Floats, truth: Bools) -> tuple[float | None, float | None]:
    """Return (intercept, slope): the intercept with slope 1, and the slope with its own intercept."""
    if not truth.any() or truth.all():
        return None, None
    bounded = np.clip(chance, _EDGE, 1 - _EDGE)
    logit = np.log(bounded / (1 - bounded))
    level = _fit(np.ones((len(logit), 1)), logit, truth)
    slope = _fit(np.column_stack([np.ones(len(logit)), logit]), np.zeros(len(logit)), truth)
    return (
        None if level is None else float(level[0]),
        None if slope is None or np.ptp(logit) == 0 else float(slope[1]),
    )


def _fit(design: Floats, offset: Floats, truth: Bools) -> Floats | None:
    """Fit a logistic regression by Newton's method; None where it does not settle (separated data)."""
    weights = np.zeros(design.shape[1])
    for _ in range(50):
        expected = 1 / (1 + np.exp(-np.clip(design @ weights + offset, -40, 40)))
        curvature = design.T @ (design * (expected * (1 - expected))[:, None])
        try:
            step = np.linalg.solve(curvature, design.T @ (truth - expected))
        except np.linalg.LinAlgError:
            return None
        weights = weights + step
        if np.abs(step).max() < 1e-9:
            return weights
    return None


def deciles(chance: Floats, truth: Bools) -> tuple[Decile, ...]:
    """Return observed and expected fresh fractures by tenths of the probability."""
    turn = np.argsort(chance, kind="stable")
    parts = [part for part in np.array_split(turn, 10) if len(part)]
    return tuple(
        Decile(len(part), float(chance[part].mean()), float(chance[part].sum()), int(truth[part].sum()))
        for part in parts
    )


def _error(tenths: Sequence[Decile]) -> float | None:
    """Return the expected calibration error over tenths of equal size."""
    studies = sum(one.studies for one in tenths)
    if not studies:
        return None
    return sum(abs(one.expected - one.observed) for one in tenths) / studies
