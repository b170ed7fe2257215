"""How well a corner network finds the bodies of an image: those found, those missed, those that are none."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from workers.evaluation import statistics
from workers.training.course import angles
from workers.training.course.answers import Split
from workers.training.course.material import Material

Array = NDArray[Any]


def bodies_found(material: Material, split: Split) -> dict[str, Any]:
    """Return shares by patient with intervals: of the true bodies that are found, of those found that are true."""
    counts = np.array([_counts(material, split, place) for place in range(len(split.rows))], float)

    def share(part: int, of: int) -> list[float]:
        def value(rows: Array) -> float:
            return float(counts[rows, part].sum() / max(1.0, counts[rows, of].sum()))

        return statistics.by_patient(value, split.patients).rounded()

    whole = float(np.mean((counts[:, 0] == counts[:, 1]) & (counts[:, 0] == counts[:, 2])))
    return {
        "bodies": int(counts[:, 1].sum()),
        "share of bodies found": share(0, 1),
        "share of found bodies that are one": share(0, 2),
        "share of images with every body found and no other": round(whole, 4),
    }


def _counts(material: Material, split: Split, place: int) -> tuple[int, int, int]:
    """Matched, true, found: a match lies within half a body's width of a true middle, and is the nearest both ways."""
    shown = material.shown[split.rows[place]]
    truth, found = angles.true_corners(shown), angles.found_corners(split.logits[place], shown)[0]
    if not len(truth) or not len(found):
        return 0, len(truth), len(found)
    apart = np.linalg.norm(truth.mean(axis=1)[:, None] - found.mean(axis=1)[None], axis=-1)
    here = apart.argmin(axis=1)
    mutual = apart.argmin(axis=0)[here] == np.arange(len(truth))
    width = np.linalg.norm(truth[:, 1] - truth[:, 0], axis=-1)
    close = mutual & (apart[np.arange(len(truth)), here] < width / 2)
    return int(close.sum()), len(truth), len(found)
