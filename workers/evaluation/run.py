"""What the commands do, without their words: read tables, assess, write files.

Promise: predictions.csv, report.json and report.html come from one run; report.json names the digests of what went in.
"""

from __future__ import annotations

import base64
import json
import math
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from triage.domain.errors import Refused
from workers.evaluation import operating
from workers.evaluation.assess import Plan, assess, compared
from workers.evaluation.load import Site
from workers.evaluation.prevalence import shifted
from workers.evaluation.table import OTHER, Predictions, read_predictions, write_predictions

REPORT, PAGE, TABLE = "report.json", "report.html", "predictions.csv"


@dataclass(frozen=True)
class Wanted:
    """What to put into a report beside the table itself."""

    positive: str | None = None
    thresholds: Mapping[str, float] = field(default_factory=dict)
    compare: Path | None = None
    readers: Path | None = None
    study: Path | None = None
    split: str | None = None
    rounds: int = 2000
    seed: int = 0
    robustness: int = 0


@dataclass(frozen=True, slots=True)
class Duty:
    """A site's reading list, and how to choose; per_hour None means no forecast."""

    readers: int
    per_hour: float | None
    hours: float
    read_minutes: float
    prevalence: float | None
    rho: float | None
    target: float | None


def run(
    out: Path,
    wanted: Wanted,
    *,
    predictions: Path | None = None,
    bundle: str = "",
    root: Path | None = None,
    data: Path | None = None,
    watch: Callable[[Any], Any] = iter,
) -> dict[str, Any]:
    """Write the report below `out` and return its record."""
    extra: dict[str, Any] = {}
    if predictions is not None:
        table = read_predictions(predictions)
    else:
        table, extra = _predicted(bundle, root, data, out, wanted, watch)
    record = _assessed(table, wanted, extra)
    out.mkdir(parents=True, exist_ok=True)
    _write(out / REPORT, record)
    from workers.evaluation.page import page

    (out / PAGE).write_text(page(record), encoding="utf-8")
    return record


def _predicted(
    bundle: str,
    root: Path | None,
    data: Path | None,
    out: Path,
    wanted: Wanted,
    watch: Callable[[Any], Any],
) -> tuple[Predictions, dict[str, Any]]:
    if data is None:
        raise Refused("data", "a bundle needs a dataset to be judged on")
    # Before TensorFlow is imported: the thread pools cannot be set later.
    from workers.infer import configure_runtime

    configure_runtime(max(1, (os.cpu_count() or 2) // 2))
    from workers.dataset.load import Dataset
    from workers.evaluation.predict import dataset_identity, identity, opened, predict
    from workers.models.bundle import BUNDLES

    dataset = Dataset(data)
    splits = (wanted.split,) if wanted.split else ("calibrate", "test")
    judge = opened(bundle, root or BUNDLES, dataset.classes)
    table = predict(judge, dataset, splits, watch)
    out.mkdir(parents=True, exist_ok=True)
    write_predictions(table, out / TABLE)
    extra: dict[str, Any] = {"model": identity(judge.bundle), "dataset": dataset_identity(dataset)}
    if wanted.robustness:
        extra["robustness"] = _robustness(judge, dataset, wanted)
    return read_predictions(out / TABLE), extra


def _robustness(judge: Any, dataset: Any, wanted: Wanted) -> list[dict[str, Any]]:
    from workers.evaluation.robustness import ladder, sample

    names = judge.columns.names
    positive = wanted.positive or judge.bundle.positive or (names[1] if len(names) == 2 else None)
    cases = sample(dataset, (wanted.split or "test",), wanted.robustness, wanted.seed)
    if not cases:
        raise Refused("robustness", f"the dataset has no case in the split {wanted.split or 'test'}")
    return ladder(judge, dataset, cases, positive, rounds=wanted.rounds, seed=wanted.seed)


def _assessed(table: Predictions, wanted: Wanted, extra: Mapping[str, Any]) -> dict[str, Any]:
    from workers.evaluation.checklist import filled, read_study

    model = extra.get("model", {})
    positive = wanted.positive or model.get("positive") or positive_of(table)
    thresholds = wanted.thresholds or (
        model.get("thresholds", {}) if positive == model.get("positive") else {}
    )
    plan = Plan(positive, thresholds, wanted.rounds, wanted.seed)
    split = wanted.split or ("test" if (table.splits == "test").any() else "")
    record = {**extra, **assess(table, plan, split)}
    judged = table.take(table.splits == split) if split else table
    points = record.get("positive", {}).get("operating_points", [])
    first = float(points[0]["threshold"]) if points else None
    if wanted.compare is not None:
        record["comparison"] = compared(judged, read_predictions(wanted.compare), plan, first)
    if wanted.readers is not None:
        record["readers"] = _read_by(judged, wanted, positive, first)
    answers = read_study(wanted.study) if wanted.study else {}
    record["checklist"] = filled(record, answers)
    return record


def _read_by(
    table: Predictions, wanted: Wanted, positive: str | None, threshold: float | None
) -> list[dict[str, Any]]:
    from workers.evaluation.readers import beside, read_readers

    if positive is None or threshold is None or wanted.readers is None:
        raise Refused("readers", "readers are compared at an operating point: say --positive")
    found = read_readers(wanted.readers, table, positive)
    return beside(table, positive, threshold, found, rounds=wanted.rounds, seed=wanted.seed)


def positive_of(table: Predictions) -> str | None:
    """Return the positive class of a binary table: the lone p_ column, or the second; None of more classes."""
    if len(table.classes) != 2:
        return None
    return next((name for name in reversed(table.classes) if name != OTHER), None)


def calibrate_table(path: Path, method: str, out: Path, *, rounds: int, seed: int) -> dict[str, Any]:
    """Write calibration.json, calibrated.csv and reliability.svg; return the record."""
    from workers.evaluation import plots
    from workers.evaluation.calibration import applied, calibrated

    table = read_predictions(path)
    found = {"table": table.digest, **calibrated(table, method, rounds=rounds, seed=seed)}
    out.mkdir(parents=True, exist_ok=True)
    known = np.isfinite(table.probabilities).all(axis=1)
    probabilities = table.probabilities.copy()
    probabilities[known] = applied(table.probabilities[known], found["calibration"])
    write_predictions(table.with_probabilities(probabilities), out / "calibrated.csv")
    shown = positive_of(table) or table.classes[0]
    lines = {stage: found["reliability"][stage][shown] for stage in ("before", "after")}
    picture = plots.reliability(lines).partition(",")[2]
    (out / "reliability.svg").write_bytes(base64.b64decode(picture))
    _write(out / "calibration.json", found)
    return found


def choose(path: Path, positive: str | None, duty: Duty) -> dict[str, Any]:
    """Return thresholds by every rule that was asked for, judged on unseen cases where the table has a split test."""
    table = read_predictions(path)
    name = positive or positive_of(table)
    if name is None:
        raise Refused("positive", f"say --positive: one of {', '.join(table.classes)}")
    index = table.index_of(name)
    choosing, judging, apart = _apart(table.take(table.answered))
    scores, truth = choosing.probabilities[:, index], choosing.labels == index
    seen, really = judging.probabilities[:, index], judging.labels == index
    operating.curve(seen, really)
    here = float(truth.mean())
    site = None if duty.per_hour is None else Site(
        duty.readers, duty.per_hour, duty.hours, duty.read_minutes, duty.prevalence or here
    )  # fmt: skip
    picked = [_judged(one, seen, really, here, duty, site) for one in _rules(scores, truth, duty, site)]
    return {
        "positive": name,
        "chosen_on": len(choosing),
        "judged_on": len(judging),
        "judged_apart": apart,
        "prevalence_here": round(here, 6),
        "rho": site.rho if site else duty.rho,
        "choices": picked,
        "menu": operating.choices(seen, really, site) if site else [],
    }


def _apart(table: Predictions) -> tuple[Predictions, Predictions, bool]:
    chosen, judged = table.take(table.splits == "calibrate"), table.take(table.splits == "test")
    return (chosen, judged, True) if len(chosen) and len(judged) else (table, table, False)


def _rules(scores: Any, truth: Any, duty: Duty, site: Site | None) -> list[dict[str, Any]]:
    rules = [operating.by_youden(scores, truth)]
    if duty.target is not None:
        rules.append(operating.by_sensitivity(scores, truth, duty.target))
    rho = duty.rho if duty.rho is not None else site.rho if site else None
    if rho is not None:
        if rho >= 1:
            raise Refused("load", f"the readers' time in use would be {rho:.2f}; a list exists only below 1")
        rules.append(operating.by_load(scores, truth, rho))
    return rules


def _judged(
    rule: Mapping[str, Any], scores: Any, truth: Any, here: float, duty: Duty, site: Site | None
) -> dict[str, Any]:
    threshold = float(rule["threshold"])
    sensitivity, fpf = operating.achieved(scores, truth, threshold)
    found: dict[str, Any] = {**rule, "sensitivity": sensitivity, "specificity": 1 - fpf}
    if duty.prevalence is not None:
        # The same operating point on probabilities that were moved to the site's prevalence.
        found["threshold_at_site_prevalence"] = float(shifted(np.array(threshold), here, duty.prevalence))
    if site is not None:
        found["day"] = operating.workload(scores, truth, threshold, site)
    return found


def _write(path: Path, data: Any) -> None:
    path.write_text(json.dumps(_finite(data), indent=1, allow_nan=False), encoding="utf-8")


def _finite(data: Any) -> Any:
    """JSON has no NaN: what could not be measured is null."""
    if isinstance(data, Mapping):
        return {str(key): _finite(value) for key, value in data.items()}
    if isinstance(data, (list, tuple)):
        return [_finite(value) for value in data]
    return None if isinstance(data, float) and not math.isfinite(data) else data
