"""From the training's class balance to the site's: odds change by the ratio of the priors (Bayes; the logit rule).

logit p' = logit p + logit(pi_site) - logit(pi_train). It holds when only the mix of cases differs, not how each
looks (label shift). Order within a class pair never changes, so no ROC curve does.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from triage.domain.errors import Refused
from workers.models.calibrate import logit, sigmoid

Array = NDArray[Any]


def shifted(probability: Array, trained_at: float, used_at: float) -> NDArray[np.float64]:
    """Return probabilities (or thresholds) of the positive class at another prevalence."""
    for share in (trained_at, used_at):
        if not 0 < share < 1:
            raise Refused("prevalence", f"a prevalence lies between 0 and 1, not at {share}")
    step = float(logit(np.array(used_at)) - logit(np.array(trained_at)))
    return sigmoid(logit(np.asarray(probability, float)) + step)


def shifted_classes(probabilities: Array, trained_at: Array, used_at: Array) -> NDArray[np.float64]:
    """Return class probabilities [n, classes] at other priors [classes]; two classes give the logit rule."""
    weighted = np.asarray(probabilities, float) * (np.asarray(used_at, float) / np.asarray(trained_at, float))
    total: NDArray[np.float64] = weighted / weighted.sum(axis=1, keepdims=True)
    return total


def predictive_values(sensitivity: float, specificity: float, prevalence: float) -> tuple[float, float]:
    """Return PPV and NPV at a prevalence (Bayes); NaN where nothing is flagged, or everything is."""
    hit, false = sensitivity * prevalence, (1 - specificity) * (1 - prevalence)
    clear, missed = specificity * (1 - prevalence), (1 - sensitivity) * prevalence
    ppv = hit / (hit + false) if hit + false else float("nan")
    npv = clear / (clear + missed) if clear + missed else float("nan")
    return ppv, npv
