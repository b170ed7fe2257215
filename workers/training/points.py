"""A threshold for a target sensitivity: from the calibration patients, judged on the test patients."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from workers.evaluation import statistics

Array = NDArray[Any]
PREVALENCES = (0.01, 0.05, 0.10, 0.20)


def _predictive(sensitivity: float, specificity: float) -> dict[str, float]:
    """Share of flags that are right, by prevalence."""
    values = {}
    for share in PREVALENCES:
        flagged = sensitivity * share + (1 - specificity) * (1 - share)
        values[f"{share:g}"] = round(sensitivity * share / flagged, 4) if flagged else 0.0
    return values


def operating_point(
    level: str, name: str, target: float, check: tuple[Array, Array, Array], test: tuple[Array, Array, Array]
) -> dict[str, Any]:
    """Threshold from the calibration patients, figures from the test patients; proven says whether the rule could hold."""
    probability, fresh, _ = check
    threshold = statistics.threshold_for(probability[fresh], target)
    proven = threshold is not None
    if threshold is None:
        threshold = float(np.quantile(probability[fresh], 1 - target)) if fresh.any() else 0.5
    flagged, truth = test[0] >= threshold, test[1]
    hits, passed = int((flagged & truth).sum()), int((~flagged & ~truth).sum())
    sensitivity = statistics.proportion(hits, int(truth.sum()))
    specificity = statistics.proportion(passed, int((~truth).sum()))
    return {
        "name": name,
        "level": level,
        "target": target,
        "target_proven_on_calibration_patients": proven,
        "threshold": threshold,
        "sensitivity": round(sensitivity.value, 4),
        "ci95": sensitivity.rounded()[1:],
        "specificity": round(specificity.value, 4),
        "specificity_ci95": specificity.rounded()[1:],
        "positives": int(truth.sum()),
        "negatives": int((~truth).sum()),
        "positive_predictive_value_by_prevalence": _predictive(sensitivity.value, specificity.value),
    }
