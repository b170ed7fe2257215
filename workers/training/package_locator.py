"""Package the locator: found bodies and their error on the test patients, and an abstention reference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workers.evaluation import statistics
from workers.models import ood
from workers.models.bundle_write import Draft
from workers.training.cache import Cache
from workers.training.packaging import draft, threshold_at
from workers.training.served import Located, Network, locate_films
from workers.training.tasks import LOCATOR
from workers.training.untrained import default_calibration

Array = NDArray[Any]
NEAR_MM = 10.0
FALSE_REJECT = 0.02
_REFERENCE_FILMS = 900


def match(points: Array, truth: Array, limit: float) -> list[tuple[int, int, float]]:
    """Pairs (found, true, distance) taken nearest first, each used once, none beyond the limit."""
    if not len(points) or not len(truth):
        return []
    distance = np.hypot(*np.moveaxis(points[:, None] - truth[None], -1, 0))
    pairs: list[tuple[int, int, float]] = []
    while True:
        i, j = np.unravel_index(int(np.argmin(distance)), distance.shape)
        if not distance[i, j] <= limit:
            return pairs
        pairs.append((int(i), int(j), float(distance[i, j])))
        distance[i, :] = np.inf
        distance[:, j] = np.inf


def _film_figures(cache: Cache, located: Located) -> dict[str, Any]:
    film = cache.films[located.film]
    levels = film["levels"][::-1]
    truth = np.array([level["centre"] for level in levels], float).reshape(-1, 2)
    spacing = float(film["spacing_mm"])
    pairs = match(located.points, truth, NEAR_MM / spacing)
    thoracolumbar = [j for j, level in enumerate(levels) if level["level"][0] != "C"]
    hit = {j for _, j, _ in pairs}
    return {
        "patient": film["patient"],
        "found": len(pairs),
        "extra": len(located.points) - len(pairs),
        "thoracolumbar": len(thoracolumbar),
        "thoracolumbar_found": sum(j in hit for j in thoracolumbar),
        "errors_mm": [d * spacing for _, _, d in pairs],
    }


def location_figures(cache: Cache, chains: Sequence[Located]) -> dict[str, Any]:
    """Recall, precision and centre error with intervals by patient."""
    rows = [_film_figures(cache, located) for located in chains]
    if not rows:
        return {"films": 0}
    patients = np.array([row["patient"] for row in rows])
    counts = np.array(
        [[row["thoracolumbar_found"], row["thoracolumbar"], row["found"], row["extra"]] for row in rows]
    )
    errors = np.concatenate([np.array(row["errors_mm"], float) for row in rows])
    errors = errors if len(errors) else np.array([np.nan])
    return {
        "films": len(rows),
        "bodies T1 to L5": int(counts[:, 1].sum()),
        "found within 10 mm, T1 to L5": statistics.by_patient(
            lambda r: float(counts[r, 0].sum() / counts[r, 1].sum()), patients
        ).rounded(),
        "positions that are a body": statistics.by_patient(
            lambda r: float(counts[r, 2].sum() / max(1, counts[r, 2:].sum())), patients
        ).rounded(),
        "centre error in mm, median": round(float(np.median(errors)), 3),
        "centre error in mm, 95th percentile": round(float(np.percentile(errors, 95)), 3),
    }


def typical_step_mm(cache: Cache) -> float:
    """Median distance between neighbouring thoracic and lumbar centres at the detector, over training films."""
    steps = []
    for index in cache.film_indices("train", view="LATERAL"):
        film = cache.films[int(index)]
        levels = [level["centre"] for level in film["levels"] if level["level"][0] != "C"]
        gaps = np.hypot(*np.diff(np.array(levels, float).reshape(-1, 2), axis=0).T)
        steps.append(gaps * float(film["spacing_mm"]))
    return round(float(np.median(np.concatenate(steps))), 2)


def package_locator(
    cache: Cache, weights: Mapping[str, Array], heads: Mapping[str, Array], origin: Mapping[str, Any]
) -> Draft:
    network = Network(LOCATOR, weights)
    features = {
        split: network.run(cache.units[cache.film_indices(split, view="LATERAL")[:_REFERENCE_FILMS]])[
            "features"
        ]
        for split in ("train", "tune", "calibrate", "test")
    }
    labels = np.zeros(len(features["train"]), int)
    reference = ood.fit(features["train"], labels, held_out=features["tune"], quantile=0.99)
    threshold = threshold_at(reference.scores(features["calibrate"]), FALSE_REJECT)
    refused = reference.scores(features["test"]) > threshold
    films = cache.film_indices("test", view="LATERAL")
    whole = np.array([cache.films[int(i)]["coverage"] == "WHOLE" for i in films])
    metrics = {
        "partial": location_figures(cache, locate_films(cache, network, films[~whole])),
        "whole": location_figures(cache, locate_films(cache, network, films[whole])),
    }
    share = statistics.proportion(int(refused.sum()), len(refused)).rounded()
    return draft(
        LOCATOR, network, origin=origin, operating_points=[],
        calibration=default_calibration(LOCATOR) | {"typical_step_mm": typical_step_mm(cache)},
        reference=reference, examples=cache.units[films], metrics=metrics,
        out_of_distribution={"threshold": threshold, "false_reject_target": FALSE_REJECT, "false_reject_rate": share},
    )  # fmt: skip
