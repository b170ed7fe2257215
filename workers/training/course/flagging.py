"""The image's answer from its vertebrae, for a bundle that serves the flag: the highest of them, then Platt's two numbers.

Fitted and judged on bodies at the places that the dataset gives; a worker finds the places itself and may miss some, so
the figure to quote is that of whole images (`evaluate vertebra-fresh`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workers.evaluation import statistics
from workers.models import calibrate
from workers.training.course.answers import Split
from workers.training.course.material import Material
from workers.training.course.recipe import Recipe
from workers.training.points import operating_point

Array = NDArray[Any]
TASKS, AGGREGATE = ("vertebra", "mr-vertebra"), "max"


def add(
    material: Material,
    splits: Mapping[str, Split],
    probability: Mapping[str, Array],
    index: int,
    calibration: dict[str, Any],
    metrics: dict[str, Any],
    recipe: Recipe,
) -> list[dict[str, Any]]:
    """Put `study` into the calibration and the films' figures into the metrics; returns the operating point."""
    films = {
        name: _films(material, splits[name], probability[name][:, index], index)
        for name in ("calibrate", "test")
    }
    slope, intercept = statistics.fit_platt(films["calibrate"][0], films["calibrate"][1])
    calibration["study"] = {"aggregate": AGGREGATE, "slope": slope, "intercept": intercept}
    sides = []
    for raw, truth, patients in (films["calibrate"], films["test"]):
        sides.append((calibrate.sigmoid(slope * calibrate.logit(raw) + intercept), truth, patients))
    score, truth, patients = sides[1]
    area = statistics.by_patient(lambda rows: statistics.auc(score[rows], truth[rows]), patients)
    metrics["films, bodies at their true place"] = {
        "films": len(truth),
        "films with a fresh fracture": int(truth.sum()),
        "AUC, by patient": area.rounded(),
    }
    return [operating_point("film", "triage", recipe.target_sensitivity, *sides)]


def _films(material: Material, split: Split, fresh: Array, index: int) -> tuple[Array, Array, Array]:
    """Highest probability, whether a body is fresh, and patient of each film."""
    uids = np.array([material.examples[row].cases[0].sop_instance_uid for row in split.rows])
    names, where = np.unique(uids, return_inverse=True)
    bodies = [np.flatnonzero(where == place) for place in range(len(names))]
    raw = np.array([calibrate.aggregate(fresh[rows], AGGREGATE) for rows in bodies])
    truth = np.array([bool((split.labels[rows] == index).any()) for rows in bodies])
    return raw, truth, np.array([split.patients[rows[0]] for rows in bodies])
