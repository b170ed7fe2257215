"""Fit a calibration on a table, and measure it on cases that the fit did not see.

Temperature: one divisor of the log-probabilities (Guo 2017), never changes which class is likeliest.
Isotonic: one rising step function per class (scikit-learn), then normalised; needs about 1000 cases (models.md 2.2).
Promise: ECE before and after is on the test split where the table has one, else cross-fitted by patient.
Source of ECE: Naeini 2015, here over bins of equal mass.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from triage.domain.errors import Unprocessable
from workers.evaluation.figures import pack
from workers.evaluation.resample import PatientBootstrap
from workers.evaluation.statistics import (
    Estimate,
    calibration_error,
    fit_temperature,
    reliability,
)
from workers.evaluation.table import Predictions
from workers.models import calibrate
from workers.models.calibrate import logit, sigmoid

Array = NDArray[Any]
Floats = NDArray[np.float64]
ENOUGH = {"temperature": 100, "isotonic": 1000}
FOLDS = 5
_TINY = 1e-7


def log_of(probabilities: Array) -> Floats:
    """Return logits whose softmax is the probabilities."""
    logs: Floats = np.log(np.clip(probabilities, _TINY, 1.0))
    return logs


def fit(probabilities: Array, labels: Array, method: str) -> dict[str, Any]:
    """Return a calibration as `workers.models.calibrate.apply` reads it, over logits = log-probabilities."""
    if method == "temperature":
        return {"method": "temperature", "temperature": fit_temperature(log_of(probabilities), labels)}
    if method == "isotonic":
        return {
            "method": "isotonic",
            "classes": [_steps(probabilities, labels, k) for k in range(probabilities.shape[1])],
        }
    raise ValueError(f"unknown calibration method {method!r}")


def _steps(probabilities: Array, labels: Array, index: int) -> dict[str, list[float]]:
    from sklearn.isotonic import IsotonicRegression

    # Never 0 or 1: no finite number of cases shows that (Laplace's rule), and a threshold could not move past it.
    least = 1 / (len(labels) + 2)
    line = IsotonicRegression(y_min=least, y_max=1 - least, out_of_bounds="clip")
    line.fit(probabilities[:, index], (labels == index).astype(float))
    return {"x": [float(v) for v in line.X_thresholds_], "y": [float(v) for v in line.y_thresholds_]}


def applied(probabilities: Array, found: Mapping[str, Any]) -> Floats:
    """Return calibrated probabilities, through the code that serves."""
    return calibrate.apply(log_of(probabilities), found)


def calibrated(table: Predictions, method: str, *, rounds: int, seed: int) -> dict[str, Any]:
    """Return the calibration with its figures before and after on unseen cases."""
    known = table.take(table.answered)
    fitting = known.take(known.splits == "calibrate") if (known.splits == "calibrate").any() else known
    if len(np.unique(fitting.labels)) < 2:
        raise Unprocessable("one-class", "a calibration needs cases of at least two classes")
    found = fit(fitting.probabilities, fitting.labels, method)
    unseen = known.take(known.splits == "test")
    if fitting is not known and len(unseen):
        after, how = (
            applied(unseen.probabilities, found),
            "on the split `test`, fitted on the split `calibrate`",
        )
    else:
        unseen, after = known, _cross_fitted(known, method)
        how = f"cross-fitted by patient in {FOLDS} folds: the table has no splits `calibrate` and `test`"
    boot = PatientBootstrap(unseen.patients, rounds=min(rounds, 500), seed=seed)
    return {
        "calibration": found,
        "fitted_on": len(fitting),
        "enough_cases": len(fitting) >= ENOUGH[method],
        "measured": how,
        "cases": len(unseen),
        "before": quality(unseen.probabilities, unseen.labels, boot),
        "after": quality(after, unseen.labels, boot),
        "reliability": {
            "before": _lines(unseen.probabilities, unseen.labels, known.classes),
            "after": _lines(after, unseen.labels, known.classes),
        },
    }


def _cross_fitted(table: Predictions, method: str) -> Floats:
    from sklearn.model_selection import GroupKFold

    folds = min(FOLDS, len(np.unique(table.patients)))
    if folds < 2:
        raise Unprocessable("one-patient", "one patient cannot be both fitted on and judged")
    after = np.zeros_like(table.probabilities)
    for rest, held in GroupKFold(folds).split(table.probabilities, groups=table.patients):
        one = fit(table.probabilities[rest], table.labels[rest], method)
        after[held] = applied(table.probabilities[held], one)
    return after


def quality(probabilities: Array, labels: Array, boot: PatientBootstrap) -> dict[str, Any]:
    """Return ECE of the likeliest class with its interval, Brier score, log-loss, slope and intercept."""
    top, right = probabilities.max(axis=1), (probabilities.argmax(axis=1) == labels).astype(float)
    hot = np.eye(probabilities.shape[1])[labels]
    picked = probabilities[np.arange(len(labels)), labels]
    data: dict[str, Any] = {
        "ece": pack(_error_interval(top, right, boot)),
        "brier": round(float(((probabilities - hot) ** 2).sum(axis=1).mean()), 6),
        "log_loss": round(float(-np.log(np.maximum(picked, 1e-12)).mean()), 6),
    }
    if probabilities.shape[1] == 2:
        data |= slope_and_intercept(probabilities[:, 1], labels == 1)
    return data


def _error_interval(top: Array, right: Array, boot: PatientBootstrap) -> Estimate:
    values = []
    for draw in boot.rows():
        values.append(calibration_error(top[draw], right[draw]))
    return boot.around(calibration_error(top, right), np.array(values))


def slope_and_intercept(probability: Array, truth: Array) -> dict[str, float]:
    """Return Cox's calibration slope and intercept: 1 and 0 are perfect; a slope below 1 is over-confident."""
    x, y = logit(probability), np.asarray(truth, float)

    def loss(free: Array) -> float:
        p = np.clip(sigmoid(free[0] * x + free[1]), 1e-9, 1 - 1e-9)
        return float(-(y * np.log(p) + (1 - y) * np.log(1 - p)).mean())

    best = minimize(loss, np.array([1.0, 0.0]), method="Nelder-Mead")
    return {"slope": round(float(best.x[0]), 4), "intercept": round(float(best.x[1]), 4)}


def _lines(
    probabilities: Array, labels: Array, classes: tuple[str, ...]
) -> dict[str, list[tuple[float, float, int]]]:
    return {
        name: reliability(probabilities[:, index], (labels == index).astype(float))
        for index, name in enumerate(classes)
    }
