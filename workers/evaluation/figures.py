"""The figures of a classifier: per class, overall, and at an operating point, each with its interval.

Promise: sensitivity is recall and PPV is precision, computed once; intervals by patient. Everything is a
function of the confusion counts or of ranks, so the bootstrap has no loop.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workers.evaluation.resample import Floats, PatientBootstrap, share, uncollapsed
from workers.evaluation.statistics import Estimate, auc, auc_delong
from workers.evaluation.table import Predictions

Array = NDArray[Any]


def pack(estimate: Estimate) -> dict[str, float | None]:
    """Return an estimate as JSON, null where it could not be measured."""
    names = ("value", "low", "high")
    values = (estimate.value, estimate.low, estimate.high)
    return {name: round(v, 6) if np.isfinite(v) else None for name, v in zip(names, values, strict=True)}


def binary(truth: Array, said: Array, boot: PatientBootstrap) -> dict[str, Any]:
    """Return the figures of a yes-or-no answer: truth and said [n] booleans."""
    truth, said = np.asarray(truth, bool), np.asarray(said, bool)
    cells = np.stack([truth & said, ~truth & said, truth & ~said, ~truth & ~said], axis=1)
    tp, fp, fn, tn = (int(v) for v in cells.sum(axis=0))
    everything = np.ones(len(truth), bool)
    return {
        "counts": {"true_positive": tp, "false_positive": fp, "false_negative": fn, "true_negative": tn},
        "accuracy": pack(share(boot, truth == said, everything)),
        "sensitivity": pack(share(boot, said, truth)),
        "specificity": pack(share(boot, ~said, ~truth)),
        "ppv": pack(share(boot, truth, said)),
        "npv": pack(share(boot, ~truth, ~said)),
        "precision": pack(share(boot, truth, said)),
        "recall": pack(share(boot, said, truth)),
        "f1": pack(uncollapsed(boot.interval(cells, _f1), boot.patients_of(truth | said))),
    }


def _f1(cells: Floats) -> Floats:
    tp, fp, fn = cells[..., 0], cells[..., 1], cells[..., 2]
    with np.errstate(invalid="ignore", divide="ignore"):
        value: Floats = 2 * tp / (2 * tp + fp + fn)
    return value


def area(scores: Array, truth: Array, boot: PatientBootstrap) -> dict[str, Any]:
    """Return the area under the ROC curve with DeLong's interval, and with the bootstrap's by patient.

    DeLong takes cases as independent; with several cases per patient the second interval is the honest one. Where
    every pair is ranked right both shrink to a point; the smaller class's patients then bound what is possible.
    """
    truth = np.asarray(truth, bool)
    fewer = min(boot.patients_of(truth), boot.patients_of(~truth))
    by_patient = boot.around(auc(scores, truth), boot.aucs(scores, truth))
    return {
        "delong": pack(uncollapsed(auc_delong(scores, truth), fewer)),
        "by_patient": pack(uncollapsed(by_patient, fewer)),
        "cases_per_patient_is_one": boot.one_case_each,
    }


def quotable(found: Mapping[str, Any]) -> tuple[Mapping[str, Any], str]:
    """Return of `area` the interval to quote, and its name: DeLong's takes several cases of a patient as independent."""
    if found["cases_per_patient_is_one"]:
        return found["delong"], "DeLong"
    return found["by_patient"], "bootstrap by patient"


def per_class(table: Predictions, boot: PatientBootstrap) -> dict[str, dict[str, Any]]:
    """Return, for each class against the rest, the figures of the likeliest class and the area."""
    said = table.probabilities.argmax(axis=1)
    found = {}
    for index, name in enumerate(table.classes):
        truth = table.labels == index
        found[name] = {
            "cases": int(truth.sum()),
            "patients": len(np.unique(table.patients[truth])),
            "auc": area(table.probabilities[:, index], truth, boot),
            **binary(truth, said == index, boot),
        }
    return found


def overall(table: Predictions, boot: PatientBootstrap) -> dict[str, Any]:
    """Return accuracy, balanced accuracy, macro precision, recall and F1 of the likeliest class."""
    size = len(table.classes)
    said = table.probabilities.argmax(axis=1)
    cells = np.zeros((len(table), size, size))
    cells[np.arange(len(table)), table.labels, said] = 1
    everything = np.ones(len(table), bool)
    return {
        "accuracy": pack(share(boot, table.labels == said, everything)),
        "macro_recall": pack(uncollapsed(boot.interval(cells, macro_recall), boot.count)),
        "macro_precision": pack(uncollapsed(boot.interval(cells, macro_precision), boot.count)),
        "macro_f1": pack(uncollapsed(boot.interval(cells, macro_f1), boot.count)),
        "confusion": cells.sum(axis=0).astype(int).tolist(),
    }


def macro_recall(cells: Floats) -> Floats:
    """Return the mean recall (balanced accuracy) of confusions [..., true, said], over classes that occur."""
    return _mean(_over(_diagonal(cells), cells.sum(axis=-1)))


def macro_precision(cells: Floats) -> Floats:
    """Return the mean precision over classes that occur; never said counts 0."""
    precision = np.nan_to_num(_over(_diagonal(cells), cells.sum(axis=-2)))
    return _mean(np.where(cells.sum(axis=-1) > 0, precision, np.nan))


def macro_f1(cells: Floats) -> Floats:
    """Return the mean F1 over classes that occur."""
    both = cells.sum(axis=-1) + cells.sum(axis=-2)
    return _mean(np.where(cells.sum(axis=-1) > 0, _over(2 * _diagonal(cells), both), np.nan))


def _diagonal(cells: Floats) -> Floats:
    return np.diagonal(cells, axis1=-2, axis2=-1)


def _over(above: Floats, below: Floats) -> Floats:
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio: Floats = above / below
    return ratio


def _mean(values: Floats) -> Floats:
    count = np.isfinite(values).sum(axis=-1)
    return _over(np.nansum(values, axis=-1), count.astype(float))


def at_threshold(
    table: Predictions, positive: int, threshold: float, boot: PatientBootstrap
) -> Mapping[str, Any]:
    """Return the figures of `probability of the positive class >= threshold`."""
    truth = table.labels == positive
    return {"threshold": threshold, **binary(truth, table.probabilities[:, positive] >= threshold, boot)}
