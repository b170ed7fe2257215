"""What a network of corners or of masks measures on an image, and what is true there: the same geometry and gate on both.

Frontal: "cobb", the largest lateral curve. Lateral: "kyphosis" T4-T12, "lordosis" L1-S1 and "slope" of S1. The truth has its
levels from the dataset, an anchored network from the bodies that it recognises (interpret/levels.py); a network of masks, as
the published one, is taken at its lowest body where the dataset calls the film whole.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from triage.domain.finding import View
from workers.interpret import alignment, endplates, levels, masks
from workers.interpret.alignment import UPPER_LEFT, UPPER_RIGHT
from workers.interpret.endplates import Angle, Bodies
from workers.interpret.levels import FROM_THE_FRONT, FROM_THE_SIDE, SACRUM, Anchors, Counted
from workers.models.networks.corners import ANCHORED
from workers.models.ood import Abstention
from workers.training.batches import STRIDE
from workers.training.course.material import Shown
from workers.training.tasks import HEATMAP_THRESHOLD, TYPICAL_STEP_MM

Float = NDArray[np.float64]
_NAMES = {"TK T4-T12": "kyphosis", "LL L1-S1": "lordosis", "SS": "slope"}
# Reference measures that a site may give itself, as truth_NAME.
GIVEN = ("cobb", "kyphosis", "lordosis", "slope")
NO_SPACING = "no-spacing"


@dataclass(frozen=True)
class Spine:
    """Bodies [n, 4, 2] (row, column) in source pixels, scores [n], and which they are; head first."""

    corners: Float
    scores: Float
    counted: Counted


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


def found(logits: NDArray[np.float32], shown: Shown, view: str, groups: Mapping[str, str]) -> Spine:
    """What a network's map says of an image."""
    corners, scores = found_corners(logits, shown)
    seen = levels.anchors(logits, shown.back.to_prepared(corners), STRIDE)
    whole = _whole(groups)
    if logits.shape[-1] == 1 and whole and len(corners):
        seen = Anchors(lowest=len(corners) - 1)
    counted = levels.count(len(corners), seen, View(view) if view else None)
    if logits.shape[-1] != ANCHORED:
        counted = replace(counted, complete=(whole, whole))
    return Spine(corners[counted.kept], scores[counted.kept], counted)


def _whole(groups: Mapping[str, str]) -> bool:
    return groups.get("coverage", "").upper() == "WHOLE"


def true_spine(shown: Shown, names: Sequence[str], view: str, groups: Mapping[str, str]) -> Spine:
    """What the dataset says; names of the bodies in the order of their corners. A film that it calls whole shows both ends."""
    corners = true_corners(shown)
    ends = FROM_THE_SIDE if view == View.LATERAL.value else FROM_THE_FRONT
    whole = _whole(groups)
    known = tuple(name.upper() for name in names)
    kept = slice(0, len(corners))
    complete = (whole or ends[0] in known, whole or ends[-1] in known)
    return Spine(corners, np.ones(len(corners)), Counted(kept, known, complete))


def measures(
    spine: Spine, spacing: tuple[float, float], view: str, groups: Mapping[str, str], tilt_degrees: float
) -> Mapping[str, float] | str:
    """Degrees by name, or the code of why there are none."""
    implants = groups.get("hardware", "none").lower() not in ("none", "no", "0", "")
    corners = alignment.to_millimetres(spine.corners, spacing)
    names = spine.counted.levels
    if view != View.LATERAL.value:
        bodies = Bodies(corners, spine.scores, 0.0, spine.counted.complete, tilt_degrees)
        curves = endplates.cobb_angles(bodies, implants=implants)
        if isinstance(curves, Abstention):
            return curves.code
        return {"cobb": max(angle.degrees for _, angle in curves)}
    sacrum = None
    if names and names[-1] == SACRUM:
        sacrum, names, corners = corners[-1][[UPPER_LEFT, UPPER_RIGHT]], names[:-1], corners[:-1]
    bodies = Bodies(corners, spine.scores[: len(corners)], 0.0, spine.counted.complete, tilt_degrees)
    anterior: alignment.Side = "right" if groups.get("anterior", "left").lower() == "right" else "left"
    angles = endplates.sagittal_angles(bodies, names, sacrum, anterior, implants=implants)
    return angles.code if isinstance(angles, Abstention) else _told(angles)


def _told(angles: Mapping[str, Angle | Abstention]) -> Mapping[str, float] | str:
    kept = {name: angle for name, angle in angles.items() if name in _NAMES}
    told = {_NAMES[name]: angle.degrees for name, angle in kept.items() if isinstance(angle, Angle)}
    return told or next(
        (why.code for why in kept.values() if isinstance(why, Abstention)), endplates.NO_LEVELS.code
    )


def corner_error(truth: Float, found: Float, spacing: tuple[float, float]) -> Float:
    """Distances in mm in each direction [k] between the corners of bodies whose centres are each other's nearest."""
    a, b = _matched(truth, found, spacing)
    return np.asarray((a - b).ravel(), float)


def tilt_error(truth: Float, found: Float, spacing: tuple[float, float]) -> Float:
    """Errors in degrees of the tilts of endplates [k], of bodies whose centres are each other's nearest.

    It is the tilt that an angle is made of, and corners that are moved together change none. On phantoms it hardly depends on
    an endplate's width: a small body is not a worse one to a network that has seen as many.
    """
    a, b = _matched(truth, found, spacing)
    pairs = zip(alignment.tilts(b), alignment.tilts(a), strict=True)
    return np.concatenate([alignment.between(said, true) for said, true in pairs])


def _matched(truth: Float, found: Float, spacing: tuple[float, float]) -> tuple[Float, Float]:
    """The true and the found corners [k, 4, 2] in mm of the bodies that are each other's nearest and near."""
    a, b = (alignment.to_millimetres(points, spacing) for points in (truth, found))
    if not len(a) or not len(b):
        return a[:0], b[:0]
    apart = np.linalg.norm(a.mean(axis=1)[:, None] - b.mean(axis=1)[None], axis=-1)
    here = apart.argmin(axis=1)
    mutual = apart.argmin(axis=0)[here] == np.arange(len(a))
    sizes: Any = np.linalg.norm(a[:, 1] - a[:, 0], axis=-1)
    close = mutual & (apart[np.arange(len(a)), here] < sizes / 2)
    return a[close], b[here[close]]
