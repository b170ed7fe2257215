"""Agreement of two measurements: ICC(2,1), Bland-Altman, absolute difference, SMAPE, and how many could be measured.

Sources: Shrout and Fleiss 1979 (two-way random, single rating, absolute agreement) with the interval of McGraw and
Wong 1996; Bland and Altman 1986; SMAPE as in the AASCE challenge 2019 (sum of differences over sum of sums).
Promise: an error is never given without the share of cases that could be measured at all.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import f, t

from workers.evaluation.figures import pack
from workers.evaluation.resample import PatientBootstrap, share
from workers.evaluation.statistics import Estimate

Array = NDArray[Any]
CLOSE_DEGREES = 5.0


def icc_2_1(ratings: Array) -> Estimate:
    """Return ICC(2,1) of ratings [subjects, raters] with its 95 % interval; NaN below two subjects."""
    ratings = np.asarray(ratings, float)
    n, k = ratings.shape
    if n < 2 or k < 2:
        return Estimate(float("nan"), float("nan"), float("nan"))
    rows, columns, error = _mean_squares(ratings)
    below = rows + (k - 1) * error + k * (columns - error) / n
    if below <= 0:
        return Estimate(float("nan"), float("nan"), float("nan"))
    value = (rows - error) / below
    if error == 0 and columns == 0:
        return Estimate(1.0, 1.0, 1.0)
    return Estimate(value, *_icc_interval(value, (n, k), (rows, columns, error)))


def _mean_squares(ratings: Array) -> tuple[float, float, float]:
    n, k = ratings.shape
    grand = ratings.mean()
    rows = k * float(((ratings.mean(axis=1) - grand) ** 2).sum())
    columns = n * float(((ratings.mean(axis=0) - grand) ** 2).sum())
    error = max(0.0, float(((ratings - grand) ** 2).sum()) - rows - columns)
    return rows / (n - 1), columns / (k - 1), error / ((n - 1) * (k - 1))


def _icc_interval(
    value: float, shape: tuple[int, int], squares: tuple[float, float, float]
) -> tuple[float, float]:
    (n, k), (rows, columns, error) = shape, squares
    a = k * value / (n * (1 - value)) if value < 1 else np.inf
    b = 1 + k * value * (n - 1) / (n * (1 - value)) if value < 1 else np.inf
    if not np.isfinite(a):
        return value, value
    freedom = (a * columns + b * error) ** 2 / (
        (a * columns) ** 2 / (k - 1) + (b * error) ** 2 / ((n - 1) * (k - 1))
    )
    upper, lower = float(f.ppf(0.975, n - 1, freedom)), float(f.ppf(0.975, freedom, n - 1))
    spread = k * columns + (k * n - k - n) * error
    low = n * (rows - upper * error) / (upper * spread + n * rows)
    high = n * (lower * rows - error) / (spread + n * lower * rows)
    return low, high


def bland_altman(measured: Array, truth: Array) -> dict[str, Any]:
    """Return bias (measured less truth), its SD, and the limits of agreement, with 95 % intervals."""
    gap = np.asarray(measured, float) - np.asarray(truth, float)
    n = len(gap)
    if n < 2:
        return {"cases": n}
    bias, spread = float(gap.mean()), float(gap.std(ddof=1))
    reach = float(t.ppf(0.975, n - 1))
    # The standard error of a limit is about sqrt(3 s^2 / n) (Bland and Altman 1986).
    of_bias, of_limit = reach * spread / np.sqrt(n), reach * spread * np.sqrt(3 / n)
    low, high = bias - 1.96 * spread, bias + 1.96 * spread
    return {
        "cases": n,
        "bias": pack(Estimate(bias, bias - of_bias, bias + of_bias)),
        "sd": round(spread, 6),
        "lower_limit": pack(Estimate(low, low - of_limit, low + of_limit)),
        "upper_limit": pack(Estimate(high, high - of_limit, high + of_limit)),
    }


def smape(measured: Array, truth: Array) -> float:
    """Return the symmetric mean absolute percentage error in percent; NaN where everything is zero."""
    measured, truth = np.asarray(measured, float), np.asarray(truth, float)
    below = float((np.abs(measured) + np.abs(truth)).sum())
    return 100 * float(np.abs(measured - truth).sum()) / below if below else float("nan")


def agreement(truth: Array, measured: Array, patients: Array, *, rounds: int, seed: int) -> dict[str, Any]:
    """Return every figure of one measure; NaN in truth is unknown, NaN in measured is "not measurable"."""
    known = np.isfinite(truth)
    both = known & np.isfinite(measured)
    whole = PatientBootstrap(patients[known], rounds=rounds, seed=seed) if known.any() else None
    found: dict[str, Any] = {"cases_with_reference": int(known.sum()), "analysed": int(both.sum())}
    if whole is None or not both.any():
        return found
    found["share_analysable"] = pack(share(whole, both[known], np.ones(int(known.sum()), bool)))
    boot = PatientBootstrap(patients[both], rounds=rounds, seed=seed)
    gap = np.abs(measured[both] - truth[both])
    mean = boot.interval(
        np.stack([gap, np.ones(len(gap))], axis=1), lambda cells: cells[..., 0] / cells[..., 1]
    )
    return found | {
        "icc_2_1": pack(icc_2_1(np.stack([truth[both], measured[both]], axis=1))),
        "mean_absolute_difference": pack(mean),
        "sd_of_absolute_difference": round(float(gap.std(ddof=1)), 6) if len(gap) > 1 else None,
        "smape_percent": round(smape(measured[both], truth[both]), 6),
        "within_5": pack(share(boot, gap <= CLOSE_DEGREES, np.ones(len(gap), bool))),
        "bland_altman": bland_altman(measured[both], truth[both]),
    }
