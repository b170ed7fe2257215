"""The fresh-fracture flag from end to end on cached films: locate, crop, classify, one score per film."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workers.models import calibrate
from workers.training.cache import KINDS, Cache
from workers.training.package_locator import NEAR_MM, match
from workers.training.served import Network, crop_located, locate_films

Array = NDArray[Any]
FRESH_INDEX = KINDS.index("fresh")


@dataclass(frozen=True)
class FilmScore:
    """One lateral film: the truth, and each located body's logits with the kind of the true body under it (-1: none)."""

    film: int
    patient: int
    fresh: bool
    fractured: bool
    postoperative: bool
    coverage: str
    logits: NDArray[np.float32]
    features: NDArray[np.float32]
    kinds: NDArray[np.int64]

    def score(self, calibration: dict[str, Any], aggregate: str) -> float:
        """0 when nothing was located: such a film is never flagged."""
        if not len(self.logits):
            return 0.0
        return calibrate.aggregate(calibrate.apply(self.logits, calibration)[:, FRESH_INDEX], aggregate)


def score_films(
    cache: Cache, locator: Network, classifier: Network, films: NDArray[np.intp]
) -> list[FilmScore]:
    """Every film through locator and classifier as a worker runs them, without the abstentions of any network."""
    scores = []
    for located in locate_films(cache, locator, films):
        record = cache.films[located.film]
        outputs = (
            classifier.run(crop_located(cache, located)) if len(located.points) else _nothing(classifier)
        )
        levels = [level for level in record["levels"] if level["level"][0] != "C"]
        truth = np.array([level["centre"] for level in levels], float).reshape(-1, 2)
        kinds = np.full(len(located.points), -1, np.int64)
        for i, j, _ in match(located.points, truth, NEAR_MM / record["spacing_mm"]):
            kinds[i] = KINDS.index(levels[j]["kind"])
        present = {level["kind"] for level in levels}
        scores.append(
            FilmScore(
                located.film,
                record["patient"],
                "fresh" in present,
                bool(present & {"fresh", "old"}),
                record["state"] in ("FUSION", "GROWTH", "TETHER"),
                record["coverage"],
                outputs["logits"],
                outputs["features"],
                kinds,
            )
        )
    return scores


def _nothing(classifier: Network) -> dict[str, NDArray[np.float32]]:
    size = int(classifier.model.output["features"].shape[-1])
    return {"logits": np.zeros((0, len(KINDS)), np.float32), "features": np.zeros((0, size), np.float32)}
