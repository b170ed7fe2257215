"""The model beside human readers, from a CSV: case, reader, call (a class), and optionally score (a rating).

Promise: each reader is compared on the cases that the reader read and the model answered, and says how many those
are. For several readers and inference beyond these cases (MRMC) the table to hand to iMRMC is the same CSV.
Refuses: a case that is not in the predictions, a reader who calls a case twice, a call that is no class.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from triage.domain.errors import NotFound, Refused
from workers.evaluation import compare, figures
from workers.evaluation.resample import PatientBootstrap
from workers.evaluation.table import Predictions

Array = NDArray[Any]


@dataclass(frozen=True)
class Reader:
    """One reader's calls: rows of the predictions, called positive or not, ratings (NaN where none)."""

    name: str
    rows: NDArray[np.intp]
    called: NDArray[np.bool_]
    scores: NDArray[np.float64]


def read_readers(path: Path, table: Predictions, positive: str) -> list[Reader]:
    """Return the readers of a CSV in the order of their first row."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            lines = list(csv.DictReader(stream))
    except OSError as error:
        raise NotFound("readers", f"{path} cannot be read: {error.strerror}") from error
    places = {str(case): row for row, case in enumerate(table.cases)}
    found: dict[str, dict[int, tuple[bool, float]]] = {}
    for number, line in enumerate(lines, start=2):
        name, row = (line.get("reader") or "").strip(), places.get((line.get("case") or "").strip())
        if not name or row is None:
            raise Refused(
                "readers", f"line {number} of the readers' file: no reader, or a case that was not predicted"
            )
        calls = found.setdefault(name, {})
        if row in calls:
            raise Refused("readers", f"line {number} of the readers' file: {name} called this case before")
        calls[row] = (
            _is_positive(line.get("call"), positive, table, number),
            _score(line.get("score"), number),
        )
    return [_reader(name, calls) for name, calls in found.items()]


def _is_positive(call: str | None, positive: str, table: Predictions, number: int) -> bool:
    text = (call or "").strip()
    if text in ("0", "1") and text not in table.classes:
        return text == "1"
    if text not in table.classes and "other" not in table.classes:
        raise Refused("readers", f"line {number} of the readers' file: {text!r} is no class")
    return text == positive


def _score(text: str | None, number: int) -> float:
    try:
        return float(text) if text and text.strip() else float("nan")
    except ValueError:
        raise Refused("readers", f"line {number} of the readers' file: the score is no number") from None


def _reader(name: str, calls: Mapping[int, tuple[bool, float]]) -> Reader:
    rows = np.array(sorted(calls), np.intp)
    return Reader(
        name,
        rows,
        np.array([calls[row][0] for row in rows]),
        np.array([calls[row][1] for row in rows], float),
    )


def beside(
    table: Predictions, positive: str, threshold: float, readers: list[Reader], *, rounds: int, seed: int
) -> list[dict[str, Any]]:
    """Return each reader's figures, the model's on the same cases, and the tests between them."""
    return [_one(table, positive, threshold, reader, rounds, seed) for reader in readers]


def _one(
    table: Predictions, positive: str, threshold: float, reader: Reader, rounds: int, seed: int
) -> dict[str, Any]:
    kept = table.answered[reader.rows]
    part, called, scores = table.take(reader.rows[kept]), reader.called[kept], reader.scores[kept]
    index = table.index_of(positive)
    truth, p = part.labels == index, part.probabilities[:, index]
    boot = PatientBootstrap(part.patients, rounds=rounds, seed=seed)
    said = p >= threshold
    data: dict[str, Any] = {
        "reader": reader.name,
        "cases": len(part),
        "left_out": int((~kept).sum()),
        "figures": figures.binary(truth, called, boot),
        "model": figures.binary(truth, said, boot),
        "mcnemar": {
            "accuracy": compare.mcnemar(said == truth, called == truth),
            "sensitivity": compare.mcnemar(said[truth], called[truth]),
            "specificity": compare.mcnemar(~said[~truth], ~called[~truth]),
        },
    }
    if np.isfinite(scores).all() and truth.any() and not truth.all():
        data["delong"] = paired(p, scores, truth, boot)
    return data


def paired(first: Array, second: Array, truth: Array, boot: PatientBootstrap) -> dict[str, Any]:
    """Return DeLong's paired comparison, and the difference's bootstrap interval by patient."""
    found = compare.delong_paired(first, second, truth)
    resampled = boot.around(found.first - found.second, boot.aucs(first, truth) - boot.aucs(second, truth))
    return {
        "first": round(found.first, 6),
        "second": round(found.second, 6),
        "difference": figures.pack(found.difference),
        "difference_by_patient": figures.pack(resampled),
        "z": round(found.z, 4) if np.isfinite(found.z) else None,
        "p": round(found.p, 6) if np.isfinite(found.p) else None,
    }
