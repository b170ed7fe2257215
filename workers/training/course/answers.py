"""What a trained network answers on a split, with the truth beside it, as the table that `evaluate` reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from triage.domain.finding import View
from workers.dataset.examples import view_of
from workers.evaluation.table import GROUP, MEASURED, TRUTH, Predictions, from_columns
from workers.evaluation.table import P as PROBABILITY
from workers.models.ood import OUT_OF_DISTRIBUTION
from workers.training.course import angles
from workers.training.course.material import Material
from workers.training.served import Network

Array = NDArray[Any]
# On a sagittal MR image the measure is how many bodies there are.
BODIES_FOUND = "bodies"
_CHUNK = 64


@dataclass(frozen=True)
class Split:
    """rows of the material; logits, features and class numbers beside them."""

    rows: NDArray[np.intp]
    logits: NDArray[np.float32]
    features: NDArray[np.float32]
    labels: NDArray[np.intp]
    patients: NDArray[np.str_]


def answers(network: Network, material: Material, split: str, most: int | None = None) -> Split:
    """Outputs on a split; of a long one a fixed sample where most is given."""
    rows = material.rows(split)
    if most is not None and len(rows) > most:
        rows = np.sort(np.random.default_rng(len(rows)).permutation(rows)[:most])
    parts = [
        network.run(np.asarray(material.units[rows[i : i + _CHUNK]])) for i in range(0, len(rows), _CHUNK)
    ]
    logits, features = (np.concatenate([part[name] for part in parts]) for name in ("logits", "features"))
    return Split(rows, logits, features, material.labels[rows], material.patients(rows))


def joined(first: Split, second: Split) -> Split:
    """Two splits in one."""
    pairs = zip(vars(first).values(), vars(second).values(), strict=True)
    return Split(*(np.concatenate([a, b]) for a, b in pairs))


def table_of_classes(
    material: Material, names: Sequence[str], split: Split, probability: Array, outside: Array
) -> Predictions:
    """Probabilities per class; declined where the features lie outside."""
    columns = _described(material, split, outside)
    columns["label"] = np.array([names[label] for label in split.labels], np.str_)
    for index, name in enumerate(names):
        values = ["" if out else f"{p:.9g}" for p, out in zip(probability[:, index], outside, strict=True)]
        columns[PROBABILITY + name] = np.array(values, np.str_)
    return from_columns(columns)


def table_of_measures(
    material: Material, split: Split, outside: Array, tilts: Mapping[str, float]
) -> Predictions:
    """Angles found beside angles true, by name; declined says why an image gave none."""
    truth, found, why = [], [], []
    for place, row in enumerate(split.rows):
        truth.append(_true(material, int(row)))
        answer = _found(material, int(row), split.logits[place], tilts)
        answer = OUT_OF_DISTRIBUTION.code if outside[place] else answer
        found.append({} if isinstance(answer, str) else answer)
        why.append(answer if isinstance(answer, str) else "")
    columns = _described(material, split, np.zeros(len(split.rows), bool)) | {
        "declined": np.array(why, np.str_)
    }
    for name in sorted({name for one in truth for name in one}):
        columns[TRUTH + name] = np.array([_cell(one.get(name)) for one in truth], np.str_)
        columns[MEASURED + name] = np.array([_cell(one.get(name)) for one in found], np.str_)
    return from_columns(columns)


def _described(material: Material, split: Split, outside: Array) -> dict[str, NDArray[np.str_]]:
    examples = [material.examples[row] for row in split.rows]
    columns = {
        "case": np.array([one.name for one in examples], np.str_),
        "patient": split.patients,
        "declined": np.array([OUT_OF_DISTRIBUTION.code if out else "" for out in outside], np.str_),
        "split": np.array([one.split for one in examples], np.str_),
    }
    for group in sorted({name for one in examples for name in one.groups}):
        columns[GROUP + group] = np.array([one.groups.get(group, "") for one in examples], np.str_)
    return columns


def _cell(value: float | None) -> str:
    return "" if value is None else f"{value:.6g}"


def _true(material: Material, row: int) -> Mapping[str, float]:
    """The same geometry on the true corners; what is written in the dataset's own truth columns goes first."""
    example, shown = material.examples[row], material.shown[row]
    if shown.spacing_mm is None:
        return {}
    if not angles.measurable(example.cases[0].modality):
        return {BODIES_FOUND: float(len(shown.corners))}
    view = view_of(example.cases[0])
    groups = {**example.groups, "hardware": "none"}
    found = angles.measures(_true_spine(material, row), shown.spacing_mm, view, groups, 0.0)
    given = {name: value for name, value in example.cases[0].measures.items() if name in angles.GIVEN}
    return {**({} if isinstance(found, str) else found), **given}


def _found(
    material: Material, row: int, logits: NDArray[np.float32], tilts: Mapping[str, float]
) -> Mapping[str, float] | str:
    example, shown = material.examples[row], material.shown[row]
    if shown.spacing_mm is None:
        return angles.NO_SPACING
    if not angles.measurable(example.cases[0].modality):
        return {BODIES_FOUND: float(len(angles.found_corners(logits, shown)[0]))}
    view = view_of(example.cases[0])
    spine = angles.found(logits, shown, view, example.groups)
    return angles.measures(spine, shown.spacing_mm, view, example.groups, tilts.get(view, 0.0))


def _true_spine(material: Material, row: int) -> angles.Spine:
    cases = material.examples[row].cases
    levels = [case.level for case in cases]
    return angles.true_spine(material.shown[row], levels, view_of(cases[0]), cases[0].groups)


def corner_errors(material: Material, split: Split) -> Array:
    """Distances in mm [k] in each direction, of all corners that were found."""
    errors = []
    for place, row in enumerate(split.rows):
        shown = material.shown[row]
        if shown.spacing_mm is not None:
            found, _ = angles.found_corners(split.logits[place], shown)
            errors.append(angles.corner_error(angles.true_corners(shown), found, shown.spacing_mm))
    return np.concatenate(errors) if errors else np.zeros(0)


def tilt_errors(material: Material, split: Split) -> Mapping[str, Array]:
    """Errors in degrees [k] of the endplates' tilts by view of a radiograph, of all bodies that were found."""
    errors: dict[str, list[Array]] = {view.value: [np.zeros(0)] for view in View}
    for place, row in enumerate(split.rows):
        shown, view = material.shown[row], view_of(material.examples[row].cases[0])
        if shown.spacing_mm is not None and view in errors:
            found, _ = angles.found_corners(split.logits[place], shown)
            errors[view].append(angles.tilt_error(angles.true_corners(shown), found, shown.spacing_mm))
    return {view: np.concatenate(parts) for view, parts in errors.items()}
