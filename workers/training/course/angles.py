"""What a network of corners or of masks measures on an image, and what is true there: the same geometry on both.

Frontal: "cobb", the largest lateral curve. Lateral of a whole spine whose lowest body is S1: "kyphosis" T4-T12, "lordosis"
L1-S1 and "slope" of S1; the levels are counted from the lowest body up, which holds only while no body is missing, and
that is what the gate of interpret/endplates.py looks for.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from triage.domain.finding import View
from workers.interpret import alignment, endplates, masks
from workers.interpret.endplates import Bodies
from workers.models.ood import Abstention
from workers.training.batches import STRIDE
from workers.training.course.material import Shown
from workers.training.tasks import HEATMAP_THRESHOLD, TYPICAL_STEP_MM

Float = NDArray[np.float64]
_LEVELS = ("L5", "L4", "L3", "L2", "L1", *(f"T{number}" for number in range(12, 0, -1)))
_NAMES = {"TK T4-T12": "kyphosis", "LL L1-S1": "lordosis", "SS": "slope"}
# Reference measures that a site may give itself, as truth_NAME.
GIVEN = ("cobb", "kyphosis", "lordosis", "slope")
NO_SPACING = "no-spacing"


def measurable(modality: str) -> bool:
    """Return whether angles are measured at all: on a sagittal MR image bodies are located, no more."""
    return modality != "MR"


def found_corners(logits: NDArray[np.float32], shown: Shown) -> tuple[Float, Float]:
    """Corners [n, 4, 2] (row, column) in source pixels and scores [n], head first."""
    if logits.shape[-1] == 1:
        corners, scores = masks.corners_of(logits)
    else:
        corners, scores = endplates.corners_of(logits, STRIDE, HEATMAP_THRESHOLD)
    return shown.back.to_source(corners), scores


def reading(channels: int) -> dict[str, float]:
    """How the map is read, as a bundle's calibration says it."""
    if channels == 1:
        return {"mask_threshold": masks.THRESHOLD}
    return {"heatmap_threshold": HEATMAP_THRESHOLD, "typical_step_mm": TYPICAL_STEP_MM}


def true_corners(shown: Shown) -> Float:
    return shown.back.to_source(shown.corners)


def measures(
    corners: Float, scores: Float, spacing: tuple[float, float], view: str, groups: Mapping[str, str], corner_mm: float
) -> Mapping[str, float] | str:  # fmt: skip
    """Degrees by name, or the code of why there are none."""
    implants = groups.get("hardware", "none").lower() not in ("none", "no", "0", "")
    millimetres = alignment.to_millimetres(corners, spacing)
    whole = groups.get("coverage", "").upper() == "WHOLE"
    if view == View.LATERAL.value:
        return _lateral(millimetres, scores, groups, corner_mm, implants)
    found = endplates.cobb_angles(Bodies(millimetres, scores, corner_mm, whole), implants=implants)
    if isinstance(found, Abstention):
        return found.code
    return {"cobb": max(angle.degrees for _, angle in found)}


def _lateral(
    bodies: Float, scores: Float, groups: Mapping[str, str], corner_mm: float, implants: bool
) -> Mapping[str, float] | str:
    if len(bodies) < 2:
        return endplates.TOO_FEW.code
    named = tuple(_LEVELS[: len(bodies) - 1][::-1])
    levels: tuple[str | None, ...] = (*(None for _ in range(len(bodies) - 1 - len(named))), *named)
    kept = slice(len(levels) - len(named), None)
    spine = Bodies(bodies[:-1][kept], scores[:-1][kept], corner_mm, True)
    sacrum = bodies[-1][[alignment.UPPER_LEFT, alignment.UPPER_RIGHT]]
    anterior: alignment.Side = "right" if groups.get("anterior", "left").lower() == "right" else "left"
    found = endplates.sagittal_angles(spine, levels[kept], sacrum, anterior, implants=implants)
    if isinstance(found, Abstention):
        return found.code
    return {_NAMES[name]: angle.degrees for name, angle in found.items() if name in _NAMES}


def corner_error(truth: Float, found: Float, spacing: tuple[float, float]) -> Float:
    """Distances in mm in each direction [k] between the corners of bodies whose centres are each other's nearest."""
    if not len(truth) or not len(found):
        return np.zeros(0)
    a, b = (alignment.to_millimetres(points, spacing) for points in (truth, found))
    apart = np.linalg.norm(a.mean(axis=1)[:, None] - b.mean(axis=1)[None], axis=-1)
    here = apart.argmin(axis=1)
    mutual = apart.argmin(axis=0)[here] == np.arange(len(a))
    sizes: Any = np.linalg.norm(a[:, 1] - a[:, 0], axis=-1)
    close = mutual & (apart[np.arange(len(a)), here] < sizes / 2)
    return np.asarray((a[close] - b[here[close]]).ravel(), float)
