"""Package the vertebra classifier with the film's score made from it: calibration, operating points, figures.

Temperature and class biases come from bodies of calibration patients in their natural proportions; the film's
probability and thresholds come from whole films of the same patients, located by the locator that will serve.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workers.evaluation import statistics
from workers.models import calibrate, ood
from workers.models.bundle_write import Draft
from workers.training.cache import Body, Cache
from workers.training.flag import FRESH_INDEX, FilmScore, score_films
from workers.training.packaging import draft, threshold_at
from workers.training.points import operating_point
from workers.training.served import Network, crop_bodies
from workers.training.tasks import FRESH, LOCATOR

Array = NDArray[Any]
AGGREGATE = "max"
FALSE_REJECT = 0.02
_REFERENCE_BODIES = 2500
# Name, target sensitivity for films with a fresh fracture; "triage" is what the product uses unless a site chooses.
TARGETS = (("sensitive", 0.85), ("triage", 0.70))


class _Bodies:
    """True bodies of a split, cropped at their true place."""

    def __init__(self, cache: Cache, network: Network, split: str) -> None:
        bodies = cache.bodies(cache.film_indices(split, kept=True))
        # The reference needs a sample of the training bodies, every other split is used whole.
        if split == "train" and len(bodies) > _REFERENCE_BODIES:
            chosen = np.random.default_rng(cache.seed).permutation(len(bodies))[:_REFERENCE_BODIES]
            bodies = [bodies[int(index)] for index in np.sort(chosen)]
        self.bodies: list[Body] = bodies
        crops = crop_bodies(cache, self.bodies)
        outputs = network.run(crops)
        self.logits, self.features = outputs["logits"], outputs["features"]
        self.kind = np.array([body.kind for body in self.bodies])
        self.patient = np.array([cache.films[body.film]["patient"] for body in self.bodies])
        self.units = np.array([np.round(crop * 255) for crop in crops[:8]], np.uint8)


def _areas(split: _Bodies, probability: Array) -> dict[str, Any]:
    fresh, kind, patient = probability[:, FRESH_INDEX], split.kind, split.patient
    fractured = 1 - probability[:, 0]
    some = kind > 0
    broken = np.flatnonzero(some)

    def area(values: Array, positive: Array, patients: Array) -> list[float]:
        return statistics.by_patient(lambda r: statistics.auc(values[r], positive[r]), patients).rounded()

    return {
        "bodies": len(kind),
        "patients": len(np.unique(patient)),
        "old": int((kind == 1).sum()),
        "fresh": int((kind == FRESH_INDEX).sum()),
        "AUC fractured against normal": area(fractured, some, patient),
        "AUC fresh against rest": area(fresh, kind == FRESH_INDEX, patient),
        "AUC fresh against old": area(
            fresh[broken] / np.maximum(fractured[broken], 1e-9), kind[broken] == FRESH_INDEX, patient[broken]
        ),
    }


def _film_arrays(scores: Sequence[FilmScore], calibration: dict[str, Any]) -> tuple[Array, Array, Array]:
    study = calibration["study"]
    raw = np.array([score.score(calibration, study["aggregate"]) for score in scores])
    probability = calibrate.sigmoid(study["slope"] * calibrate.logit(raw) + study["intercept"])
    return probability, np.array([s.fresh for s in scores]), np.array([s.patient for s in scores])


def _film_figures(scores: Sequence[FilmScore], arrays: tuple[Array, Array, Array]) -> dict[str, Any]:
    probability, fresh, patient = arrays
    area = statistics.by_patient(lambda r: statistics.auc(probability[r], fresh[r]), patient)
    delong = statistics.auc_delong(probability, fresh)
    curve = statistics.reliability(probability, fresh.astype(float), 8)
    groups = {
        "without implants": np.array([not s.postoperative for s in scores]),
        "partial": np.array([s.coverage == "PARTIAL" for s in scores]),
        "whole": np.array([s.coverage == "WHOLE" for s in scores]),
    }
    return {
        "films": len(scores),
        "films with a fresh fracture": int(fresh.sum()),
        "films with only old fractures": int(sum(s.fractured and not s.fresh for s in scores)),
        "AUC, by patient": area.rounded(),
        "AUC, DeLong": delong.rounded(),
        "expected_calibration_error": round(
            statistics.calibration_error(probability, fresh.astype(float), 8), 4
        ),
        "reliability": [[round(p, 4), round(o, 4), n] for p, o, n in curve],
        "subgroups, AUC": {
            name: round(statistics.auc(probability[mask], fresh[mask]), 4) for name, mask in groups.items()
        },
    }


def _calibrate(check: _Bodies, films: Sequence[FilmScore]) -> dict[str, Any]:
    temperature, bias = statistics.fit_temperature_and_bias(check.logits, check.kind)
    calibration: dict[str, Any] = {"method": "temperature", "temperature": temperature, "bias": bias}
    raw = np.array([score.score(calibration, AGGREGATE) for score in films])
    slope, intercept = statistics.fit_platt(raw, np.array([score.fresh for score in films]))
    calibration["study"] = {"aggregate": AGGREGATE, "slope": slope, "intercept": intercept}
    return calibration


def package_fresh(
    cache: Cache,
    weights: Mapping[str, Array],
    locator_weights: Mapping[str, Array],
    origin: Mapping[str, Any],
) -> tuple[Draft, dict[str, Array]]:
    """The draft, and the test films' probabilities and truth for the report's curves."""
    network, locator = Network(FRESH, weights), Network(LOCATOR, locator_weights)
    bodies = {split: _Bodies(cache, network, split) for split in ("train", "tune", "calibrate", "test")}
    films = {
        split: score_films(cache, locator, network, cache.film_indices(split, kept=True))
        for split in ("calibrate", "test")
    }
    calibration = _calibrate(bodies["calibrate"], films["calibrate"])
    reference = ood.fit(bodies["train"].features, bodies["train"].kind, held_out=bodies["tune"].features)
    threshold = threshold_at(reference.scores(bodies["calibrate"].features), FALSE_REJECT)
    check, test = (_film_arrays(films[split], calibration) for split in ("calibrate", "test"))
    points = [operating_point("film", name, target, check, test) for name, target in TARGETS]
    own = bodies["test"]
    probability = calibrate.apply(own.logits, calibration)
    fresh = (own.kind == FRESH_INDEX).astype(float)
    refused = statistics.proportion(int((reference.scores(own.features) > threshold).sum()), len(own.kind))
    metrics = {
        "bodies at their true place": _areas(own, probability)
        | {
            "expected_calibration_error": round(
                statistics.calibration_error(probability[:, FRESH_INDEX], fresh), 4
            )
        },
        "films, located and classified": _film_figures(films["test"], test),
        "operating points": {
            point["name"]: {k: v for k, v in point.items() if k != "name"} for point in points
        },
    }
    made = draft(
        FRESH, network, origin=origin, calibration=calibration, operating_points=points, reference=reference,
        examples=own.units, metrics=metrics,
        out_of_distribution={"threshold": threshold, "false_reject_target": FALSE_REJECT,
                             "false_reject_rate": refused.rounded()},
    )  # fmt: skip
    curves = {
        "film_probability": test[0], "film_fresh": test[1], "body_probability": probability, "body_kind": own.kind,
    }  # fmt: skip
    return made, curves
