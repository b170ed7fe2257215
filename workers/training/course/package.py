"""From the best weights to a bundle: calibration, abstention, operating point, figures on patients never trained on.

Promise: the recipe is in the bundle; the card says whether phantoms, a site's images or both made it, and whether it began
from given weights, whose images nobody here knows.
"""

from __future__ import annotations

import datetime
import importlib.metadata
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from triage.domain.errors import Unprocessable
from workers.dataset.examples import BODIES
from workers.evaluation import agreement, statistics
from workers.evaluation.table import Predictions, write_predictions
from workers.models import bundle, calibrate, ood
from workers.models.bundle_write import Draft, write, write_pins
from workers.training.card import FROM_GIVEN_WEIGHTS
from workers.training.course import angles, flagging
from workers.training.course import answers as split_answers
from workers.training.course.answers import Split, answers, joined
from workers.training.course.bodies import bodies_found
from workers.training.course.checkpoint import BEST, best_weights
from workers.training.course.material import Material
from workers.training.course.recipe import Recipe
from workers.training.packaging import draft, threshold_at
from workers.training.points import operating_point
from workers.training.served import Network
from workers.training.tasks import Task

Array = NDArray[Any]
PREDICTIONS, BUNDLES = "predictions.csv", "bundles"
_REFERENCE = 2500
_ROUNDS = 1000


@dataclass(frozen=True)
class Packaged:
    """The bundle's digest and size, and its figures."""

    name: str
    digest: str
    size: int
    metrics: Mapping[str, Any]


@dataclass(frozen=True)
class _Answers:
    """The network's answers on every split, and what its features look like."""

    network: Network
    splits: Mapping[str, Split]
    reference: ood.Reference
    threshold: float
    origin: Mapping[str, Any]

    def outside(self, split: Split) -> NDArray[np.bool_]:
        return np.asarray(self.reference.scores(split.features) > self.threshold)


def package(
    task: Task,
    recipe: Recipe,
    material: Material,
    out: Path,
    begun_from: str | None = None,
    origin: Mapping[str, Any] | None = None,
) -> Packaged:
    """Write out/bundles/NAME with pins.json, and out/predictions.csv of the calibration and test patients.

    begun_from is the SHA-256 of the weights that were given to begin from; origin is added to what the bundle tells of itself.
    """
    network = Network(task, best_weights(out))
    splits = {name: answers(network, material, name) for name in ("tune", "calibrate", "test")}
    splits["train"] = answers(network, material, "train", _REFERENCE)
    train = splits["train"]
    reference = ood.fit(train.features, train.labels, held_out=splits["tune"].features)
    if not (reference.limits > 0).all():
        raise Unprocessable(
            "degenerate", "the network has learnt nothing: all images look the same to it; train longer"
        )
    threshold = threshold_at(reference.scores(splits["calibrate"].features), recipe.false_reject)
    made_by = _origin(recipe, material, begun_from, (out / BEST).stat().st_mtime) | dict(origin or {})
    seen = _Answers(network, splits, reference, threshold, made_by)
    make = _corners if recipe.subject.reads == BODIES else _classes
    made, table = make(task, recipe, material, seen)
    made.description["recipe"] = recipe.to_toml()
    made.description["reads"] = recipe.subject.reads
    write_predictions(table, out / PREDICTIONS)
    return _written(task.name, made, out / BUNDLES)


def _written(name: str, made: Draft, root: Path) -> Packaged:
    digest = write(root / name, made)
    digests = bundle.pins(root / "pins.json") if (root / "pins.json").exists() else {}
    write_pins(root, digests | {name: digest})
    size = sum(path.stat().st_size for path in (root / name).iterdir())
    return Packaged(name, digest, size, made.metrics)


def _classes(task: Task, recipe: Recipe, material: Material, seen: _Answers) -> tuple[Draft, Predictions]:
    check, test = seen.splits["calibrate"], seen.splits["test"]
    temperature, bias = statistics.fit_temperature_and_bias(check.logits, check.labels)
    calibration: dict[str, Any] = {"method": "temperature", "temperature": temperature, "bias": bias}
    names = [str(label["id"]) for label in task.labels]
    index = names.index(task.positive) if task.positive is not None else None
    probability = {name: calibrate.apply(seen.splits[name].logits, calibration) for name in seen.splits}
    metrics = _class_figures(names, index, test, probability["test"], seen.outside(test))
    points = []
    if recipe.task in flagging.TASKS and index is not None:
        points = flagging.add(material, seen.splits, probability, index, calibration, metrics, recipe)
    elif index is not None:
        sides = [
            (probability[name][:, index], seen.splits[name].labels == index, seen.splits[name].patients)
            for name in ("calibrate", "test")
        ]
        points = [operating_point(recipe.subject.reads, "triage", recipe.target_sensitivity, *sides)]
    both = joined(check, test)
    table = split_answers.table_of_classes(
        material, names, both, calibrate.apply(both.logits, calibration), seen.outside(both)
    )
    return _draft(task, recipe, material, seen, calibration, points, metrics), table


def _class_figures(
    names: list[str], index: int | None, test: Split, probability: Array, outside: Array
) -> dict[str, Any]:
    truth, guess = test.labels, probability.argmax(axis=1)
    boot = {"rounds": _ROUNDS}

    def share(right: Array) -> list[float]:
        return statistics.by_patient(lambda r: float(right[r].mean()), test.patients, **boot).rounded()

    def area(scores: Array, positive: Array) -> list[float]:
        one = statistics.by_patient(lambda r: statistics.auc(scores[r], positive[r]), test.patients, **boot)
        return one.rounded()

    figures: dict[str, Any] = {
        "examples": len(truth),
        "patients": len(np.unique(test.patients)),
        "accuracy": share((guess == truth).astype(float)),
        "refused as out of distribution": round(float(outside.mean()), 4),
        "by class": {
            name: {
                "examples": int((truth == place).sum()),
                "recall": round(float((guess[truth == place] == place).mean()), 4),
                "AUC against the rest": area(probability[:, place], truth == place),
            }
            for place, name in enumerate(names)
            if (truth == place).any()
        },
    }
    flagged = index if index is not None else 1
    if index is not None or len(names) == 2:
        positive = truth == flagged
        figures[f"AUC of {names[flagged]}"] = area(probability[:, flagged], positive)
        error = statistics.calibration_error(probability[:, flagged], positive.astype(float))
        figures["expected calibration error"] = round(error, 4)
    return figures


def _corners(task: Task, recipe: Recipe, material: Material, seen: _Answers) -> tuple[Draft, Predictions]:
    check, test = seen.splits["calibrate"], seen.splits["test"]
    errors = split_answers.corner_errors(material, check)
    if not len(errors):
        raise Unprocessable(
            "degenerate", "the network finds no corner near a true one in the split calibrate; train longer"
        )
    # The median, as a standard deviation: bodies that were mixed up are what the gate is for, not this number.
    corner_mm = 1.4826 * float(np.median(np.abs(errors)))
    tilts = _tilts(split_answers.tilt_errors(material, check))
    calibration = {
        "method": "none", **angles.reading(test.logits.shape[-1]), "corner_mm": corner_mm,
        **({"tilt_degrees": tilts} if tilts else {}),
    }  # fmt: skip
    both = joined(check, test)
    table = split_answers.table_of_measures(material, both, seen.outside(both), tilts)
    own = table.take(table.splits == "test")
    metrics: dict[str, Any] = bodies_found(material, test) | {
        "images": len(test.rows),
        "patients": len(np.unique(test.patients)),
        "corner error, one standard deviation, mm": round(corner_mm, 3),
        "error of an endplate's tilt, one standard deviation, degrees": {
            view: round(error, 2) for view, error in tilts.items()
        },
        "not measurable, by reason": dict(sorted(Counter(filter(None, own.declined.tolist())).items())),
    }
    for name, (truth, found) in own.measures.items():
        if name != split_answers.BODIES_FOUND and np.isfinite(truth).any():
            metrics[name] = agreement.agreement(truth, found, own.patients, rounds=_ROUNDS, seed=0)
    return _draft(task, recipe, material, seen, calibration, [], metrics), table


def _tilts(errors: Mapping[str, Array]) -> dict[str, float]:
    """One standard deviation by view, from the median as above; empty where no radiograph was seen."""
    together = np.concatenate(list(errors.values()))
    if not len(together):
        return {}
    # A dataset of one view says nothing of the other: as good as what was seen.
    return {
        view: 1.4826 * float(np.median(np.abs(found if len(found) else together)))
        for view, found in errors.items()
    }


def _draft(
    task: Task,
    recipe: Recipe,
    material: Material,
    seen: _Answers,
    calibration: Mapping[str, Any],
    points: list[dict[str, Any]],
    metrics: Mapping[str, Any],
) -> Draft:
    test = seen.splits["test"]
    refused = statistics.proportion(int(seen.outside(test).sum()), len(test.rows))
    # The golden answers of a map are large; one says as much as four.
    examples = np.asarray(material.units[test.rows[: 1 if recipe.subject.reads == BODIES else 4]])
    return draft(
        task, seen.network, origin=seen.origin, calibration=calibration, operating_points=points,
        reference=seen.reference, metrics=metrics, version=recipe.version,
        examples=examples if examples.shape[-1] > 1 else examples[..., 0],
        out_of_distribution={"threshold": seen.threshold, "false_reject_target": recipe.false_reject,
                             "false_reject_rate": refused.rounded()},
    )  # fmt: skip


def _origin(recipe: Recipe, material: Material, begun_from: str | None, learnt_at: float) -> dict[str, Any]:
    import keras

    given = {} if begun_from is None else {"begun_from_sha256": begun_from}
    return {
        "data_origin": material.origin if begun_from is None else material.origin + FROM_GIVEN_WEIGHTS,
        **given,
        "seed": recipe.seed,
        "data_manifest_sha256": material.digest,
        "recipe_sha256": recipe.digest,
        "examples": {name: len(material.rows(name)) for name in ("train", "tune", "calibrate", "test")},
        "keras": importlib.metadata.version("keras"),
        "backend": keras.backend.backend(),
        # Not today: packaged again, the same weights must give the same bytes under the same version.
        "trained_at": datetime.datetime.fromtimestamp(learnt_at, datetime.UTC).date().isoformat(),
    }
