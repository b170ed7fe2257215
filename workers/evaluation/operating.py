"""Where to set the threshold: by target sensitivity, by Youden, or by the load of the site's reading list.

Promise: a target is claimed only where the exact binomial bound proves it on the cases it was chosen on (models.md
2.3); each choice says on how many positives. Choose on one split, report on another: figures on the cases of the
choice flatter it, and say so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_curve

from triage.domain.errors import Unprocessable
from workers.evaluation import load
from workers.evaluation.prevalence import predictive_values
from workers.evaluation.statistics import threshold_for

Array = NDArray[Any]
PREVALENCES = (0.01, 0.05, 0.10, 0.20)


def curve(scores: Array, truth: Array) -> tuple[Array, Array, Array]:
    """Return (FPF, sensitivity, threshold) of every point of the ROC curve; the first flags nothing."""
    if not truth.any() or truth.all():
        raise Unprocessable("one-class", "there is only one class here: no threshold can be chosen or judged")
    fpf, se, thresholds = roc_curve(truth, scores, drop_intermediate=False)
    return fpf, se, np.minimum(thresholds, 1.0 + 1e-9)


def by_sensitivity(scores: Array, truth: Array, target: float) -> dict[str, Any]:
    """Return the highest threshold that proves the target, or the quantile marked as unproven."""
    _, _, _ = curve(scores, truth)
    positives = np.asarray(scores)[truth]
    proven = threshold_for(positives, target)
    plain = float(np.sort(positives)[int(np.floor((1 - target) * len(positives) + 1e-9))])
    return {
        "rule": "target sensitivity",
        "target": target,
        "proven": proven is not None,
        "positives": len(positives),
        "threshold": plain if proven is None else proven,
    }


def by_youden(scores: Array, truth: Array) -> dict[str, Any]:
    """Return the threshold with the largest sensitivity + specificity: the optimum of an empty list."""
    return {**by_load(scores, truth, 0.0), "rule": "Youden"}


def by_load(scores: Array, truth: Array, rho: float) -> dict[str, Any]:
    """Return the threshold that makes the diseased wait least on a list with this share of time in use."""
    fpf, se, thresholds = curve(scores, truth)
    best = load.best_point(se, fpf, rho)
    return {
        "rule": "load",
        "rho": rho,
        "positives": int(np.sum(truth)),
        "threshold": float(thresholds[best]),
        "slope": load.best_slope(float(se[best]), float(fpf[best]), rho),
    }


def achieved(scores: Array, truth: Array, threshold: float) -> tuple[float, float]:
    """Return sensitivity and false-positive fraction of `score >= threshold`."""
    flagged = np.asarray(scores) >= threshold
    return float(flagged[truth].mean()), float(flagged[~truth].mean())


def predictive(sensitivity: float, fpf: float) -> dict[str, dict[str, float | None]]:
    """Return PPV and NPV at the customary prevalences."""
    found = {}
    for share in PREVALENCES:
        ppv, npv = predictive_values(sensitivity, 1 - fpf, share)
        found[f"{share:g}"] = {"ppv": _rounded(ppv), "npv": _rounded(npv)}
    return found


def workload(scores: Array, truth: Array, threshold: float, site: load.Site) -> dict[str, Any]:
    """Return what a threshold does to a site's day."""
    told: Mapping[str, float] = asdict(load.forecast(site, *achieved(scores, truth, threshold)))
    return {name: _rounded(value) for name, value in told.items()}


def choices(scores: Array, truth: Array, site: load.Site, most: int = 9) -> list[dict[str, Any]]:
    """Return a short menu of thresholds along the curve, each with the site's day under it."""
    fpf, se, thresholds = curve(scores, truth)
    wanted = np.linspace(0.5, 0.99, most)
    places = sorted({int(np.argmax(se >= target)) for target in wanted})
    return [
        {
            "threshold": float(thresholds[place]),
            "sensitivity": _rounded(float(se[place])),
            "specificity": _rounded(1 - float(fpf[place])),
            **{
                name: _rounded(value)
                for name, value in asdict(load.forecast(site, float(se[place]), float(fpf[place]))).items()
            },
        }
        for place in places
    ]


def _rounded(value: float) -> float | None:
    return round(float(value), 4) if np.isfinite(value) else None
