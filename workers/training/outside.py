"""What the shipped bundles answer on pictures nobody here made: real radiographs, sections, photographs.

Only counts leave this module. The rule that it checks: nothing but a lateral spine may be accepted as a lateral.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, UnidentifiedImageError

from triage.domain.errors import TriageError
from workers.models import ood
from workers.models.bundle import Bundle
from workers.models.preprocess import GrayImage, prepare

_PICTURES = (".png", ".jpg", ".jpeg")


@dataclass(frozen=True)
class Answer:
    """kind is the catalogue's word for the file; outcome is AP, LATERAL, ABSTAINED or NOT DECODED."""

    name: str
    kind: str
    outcome: str
    label: str
    score: float


def _kinds(folder: Path) -> Mapping[str, str]:
    catalogue = folder / "CATALOG.csv"
    if not catalogue.exists():
        return {}
    with catalogue.open(newline="") as stream:
        return {row["file"]: row["kind"] for row in csv.DictReader(stream)}


def _open(path: Path) -> GrayImage | None:
    if path.suffix.lower() in _PICTURES:
        try:
            with Image.open(path) as picture:
                return GrayImage(np.asarray(picture.convert("L")), None, 8)
        except UnidentifiedImageError:
            return None
    from workers.decode import decode

    try:
        return decode(path).image
    except TriageError:
        return None


def images(folder: Path) -> Iterator[tuple[Path, str, GrayImage | None]]:
    """Every DICOM file or picture of a folder, with its kind."""
    kinds = _kinds(folder)
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() in (*_PICTURES, ".dcm"):
            yield path, kinds.get(path.name, path.suffix.lower().strip(".")), _open(path)


def judge(gate: Bundle, model: Any, image: GrayImage) -> tuple[str, str, float]:
    """Outcome, label and abstention score of one image."""
    refusal = ood.check_pixels(image)
    if refusal is not None:
        return "ABSTAINED", refusal.code, float("inf")
    outputs = model(prepare(image, gate.preprocessing).array[None], training=False)
    label = gate.labels[int(np.argmax(np.asarray(outputs["logits"])[0]))]
    score = float(gate.reference.scores(np.asarray(outputs["features"]))[0])
    accepted = ood.judge(score, gate.ood_threshold) is None
    return (str(label["view"]) if accepted else "ABSTAINED"), str(label["id"]), score


def answer_all(gate: Bundle, folders: Sequence[Path]) -> list[Answer]:
    model = gate.build_model()
    answers = []
    for folder in folders:
        for path, kind, image in images(folder):
            if image is None:
                answers.append(Answer(path.name, kind, "NOT DECODED", "", float("nan")))
                continue
            outcome, label, score = judge(gate, model, image)
            answers.append(Answer(path.name, kind, outcome, label, score))
    return answers


def count(answers: Sequence[Answer]) -> dict[str, Counter[str]]:
    """Outcomes per kind of file."""
    table: dict[str, Counter[str]] = {}
    for answer in answers:
        table.setdefault(answer.kind, Counter())[answer.outcome] += 1
    return table
