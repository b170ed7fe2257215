"""The whole assessment of one table as one JSON-ready record; the page is drawn from it and from nothing else.

Promise: a declined case is counted twice, in the open: left out ("answered") and as not flagged ("as served"). A
threshold chosen on the very cases that it is judged on says so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import precision_recall_curve

from triage.domain.errors import Refused, Unprocessable
from workers.evaluation import figures, operating, readers
from workers.evaluation.agreement import agreement
from workers.evaluation.calibration import quality
from workers.evaluation.compare import mcnemar
from workers.evaluation.resample import ROUNDS, PatientBootstrap
from workers.evaluation.statistics import reliability
from workers.evaluation.table import Predictions

Array = NDArray[Any]
SCHEMA = "spine-triage-evaluation/1"
FEWEST_IN_SUBGROUP = 10
_MOST_POINTS = 400


@dataclass(frozen=True)
class Plan:
    """What to assess: the positive class (None: no operating points), thresholds by name, how to resample."""

    positive: str | None = None
    thresholds: Mapping[str, float] = field(default_factory=dict)
    rounds: int = ROUNDS
    seed: int = 0


def assess(whole: Predictions, plan: Plan, split: str = "") -> dict[str, Any]:
    """Return the record of one table, of one split of it where a split is named."""
    table = whole.take(whole.splits == split) if split else whole
    if not len(table):
        raise Unprocessable("no-cases", f"the table has no case in the split {split!r}")
    record: dict[str, Any] = {
        "schema": SCHEMA,
        "rounds": plan.rounds,
        "seed": plan.seed,
        "table": _described(table, split),
    }
    known = table.take(table.answered)
    if table.classes and len(known):
        boot = PatientBootstrap(known.patients, rounds=plan.rounds, seed=plan.seed)
        record["overall"] = figures.overall(known, boot)
        record["classes"] = figures.per_class(known, boot)
        few = PatientBootstrap(known.patients, rounds=min(plan.rounds, 300), seed=plan.seed)
        record["calibration"] = quality(known.probabilities, known.labels, few)
        record["reliability"] = _reliability(known)
    if plan.positive is not None and len(known):
        record["positive"] = _positive(whole, table, plan)
    record["subgroups"] = _subgroups(table, plan, record)
    record["measures"] = {
        name: agreement(truth, found, table.patients, rounds=plan.rounds, seed=plan.seed)
        | {"points": _pairs(truth, found)}
        for name, (truth, found) in table.measures.items()
    }
    return record


def _described(table: Predictions, split: str) -> dict[str, Any]:
    labels = Counter(table.classes[place] for place in table.labels if place >= 0)
    return {
        "sha256": table.digest,
        "split": split or "all",
        "cases": len(table),
        "patients": len(np.unique(table.patients)),
        "answered": int(table.answered.sum()) if table.classes else len(table),
        "declined": dict(Counter(str(reason) for reason in table.declined if reason)),
        "without_label": int((table.labels < 0).sum()) if table.classes else 0,
        "classes": {name: labels[name] for name in table.classes},
        "groups": {
            name: dict(Counter(str(v) or "unknown" for v in values)) for name, values in table.groups.items()
        },
    }


def _reliability(table: Predictions) -> dict[str, Any]:
    return {
        name: reliability(table.probabilities[:, index], (table.labels == index).astype(float))
        for index, name in enumerate(table.classes)
    }


def _positive(whole: Predictions, table: Predictions, plan: Plan) -> dict[str, Any]:
    index = table.index_of(str(plan.positive))
    known = table.take(table.answered)
    scores, truth = known.probabilities[:, index], known.labels == index
    fpf, se, _ = operating.curve(scores, truth)
    precision, recall, _ = precision_recall_curve(truth, scores)
    boot = PatientBootstrap(known.patients, rounds=plan.rounds, seed=plan.seed)
    chosen = dict(plan.thresholds)
    on = "given"
    if not chosen:
        chosen, on = _chosen(whole, table, index)
    return {
        "name": plan.positive,
        "auc": figures.area(scores, truth, boot),
        "thresholds_chosen_on": on,
        "operating_points": [_point(table, index, name, value, plan) for name, value in chosen.items()],
        "roc": _thinned(fpf, se),
        "precision_recall": _thinned(recall[::-1], precision[::-1]),
    }


def _chosen(whole: Predictions, table: Predictions, index: int) -> tuple[dict[str, float], str]:
    """Return thresholds from the split `calibrate` where it can be used, else from the judged cases themselves."""
    apart = whole.take((whole.splits == "calibrate") & whole.answered)
    known, on = table.take(table.answered), "the same cases (optimistic)"
    if (
        len(apart)
        and not (table.splits == "calibrate").all()
        and len(set((apart.labels == index).tolist())) == 2
    ):
        known, on = apart, "the split calibrate"
    scores, truth = known.probabilities[:, index], known.labels == index
    points = {"Youden": operating.by_youden(scores, truth)["threshold"]}
    target = operating.by_sensitivity(scores, truth, 0.9)
    suffix = "" if target["proven"] else f", unproven with {target['positives']} positives"
    return points | {f"sensitivity .90{suffix}": target["threshold"]}, on


def _point(table: Predictions, index: int, name: str, threshold: float, plan: Plan) -> dict[str, Any]:
    known = table.take(table.answered)
    boot = PatientBootstrap(known.patients, rounds=plan.rounds, seed=plan.seed)
    answered = figures.at_threshold(known, index, threshold, boot)
    labelled = table.take(table.labels >= 0)
    flagged = np.nan_to_num(labelled.probabilities[:, index], nan=-1.0) >= threshold
    everyone = PatientBootstrap(labelled.patients, rounds=plan.rounds, seed=plan.seed)
    sensitivity, specificity = (answered[key]["value"] for key in ("sensitivity", "specificity"))
    return {
        "name": name,
        "threshold": threshold,
        "answered": {key: value for key, value in answered.items() if key != "threshold"},
        "as_served": figures.binary(labelled.labels == index, flagged, everyone),
        "by_prevalence": operating.predictive(sensitivity, 1 - specificity)
        if sensitivity is not None and specificity is not None
        else {},
    }


def _subgroups(table: Predictions, plan: Plan, record: Mapping[str, Any]) -> list[dict[str, Any]]:
    points = record.get("positive", {}).get("operating_points", [])
    rows = []
    for name, values in table.groups.items():
        for value in sorted(set(values.tolist())):
            part = table.take(values == value)
            rows.append({"group": name, "value": value or "unknown", **_subgroup(part, plan, points)})
    return rows


def _subgroup(part: Predictions, plan: Plan, points: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    known = part.take(part.answered)
    row: dict[str, Any] = {
        "cases": len(part),
        "patients": len(np.unique(part.patients)),
        "declined": int((part.declined != "").sum()),
        "answered": len(known),
    }
    if len(known) < FEWEST_IN_SUBGROUP:
        return row | {"too_few": True}
    boot = PatientBootstrap(known.patients, rounds=min(plan.rounds, 500), seed=plan.seed)
    row["accuracy"] = figures.overall(known, boot)["accuracy"]
    if points:
        index = known.index_of(str(plan.positive))
        found = figures.area(known.probabilities[:, index], known.labels == index, boot)
        row["auc"] = figures.quotable(found)[0]
        at = figures.at_threshold(known, index, float(points[0]["threshold"]), boot)
        row |= {key: at[key] for key in ("sensitivity", "specificity", "ppv")}
    return row


def compared(table: Predictions, other: Predictions, plan: Plan, threshold: float | None) -> dict[str, Any]:
    """Return two models on the cases that both answered; raises Refused where they are not the same cases."""
    places = {str(case): row for row, case in enumerate(other.cases)}
    if table.classes != other.classes or set(places) < {str(case) for case in table.cases}:
        raise Refused("compare", "the other table lacks cases, or has other classes in another order")
    aligned = other.take(np.array([places[str(case)] for case in table.cases], np.intp))
    if (aligned.labels != table.labels).any() or (aligned.patients != table.patients).any():
        raise Refused("compare", "the two tables disagree about the labels or the patients of the same cases")
    both = table.answered & aligned.answered
    one, two = table.take(both), aligned.take(both)
    boot = PatientBootstrap(one.patients, rounds=plan.rounds, seed=plan.seed)
    right = [part.probabilities.argmax(axis=1) == part.labels for part in (one, two)]
    found: dict[str, Any] = {"cases": len(one), "left_out": int((~both).sum()), "accuracy": mcnemar(*right)}
    if plan.positive is not None:
        index = one.index_of(plan.positive)
        truth = one.labels == index
        scores = [part.probabilities[:, index] for part in (one, two)]
        found["delong"] = readers.paired(scores[0], scores[1], truth, boot)
        if threshold is not None:
            said = [score >= threshold for score in scores]
            found["threshold"] = threshold
            found["sensitivity"] = mcnemar(*(answer[truth] for answer in said))
            found["specificity"] = mcnemar(*(~answer[~truth] for answer in said))
    return found


def _thinned(x: Array, y: Array) -> list[list[float]]:
    step = max(1, len(x) // _MOST_POINTS)
    kept = sorted({*range(0, len(x), step), len(x) - 1})
    return [[round(float(x[i]), 5), round(float(y[i]), 5)] for i in kept]


def _pairs(truth: Array, found: Array) -> list[list[float]]:
    both = np.isfinite(truth) & np.isfinite(found)
    return [[round(float(a), 3), round(float(b), 3)] for a, b in zip(truth[both], found[both], strict=True)][
        :2000
    ]
