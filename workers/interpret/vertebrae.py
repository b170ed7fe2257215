"""From the locator's heat map to crops, and from the classifier's answers to vertebrae with outlines.

Promise: pure; coordinates come back in stored pixels of the image, 0.5 being the centre of the first pixel
(PS3.3 C.10.5.1.2).
A level is named only where counting is defensible: the whole spine in view and exactly the bodies C3 to L5
found.
Refuses: to classify where too few bodies were found or the picture is unlike those the networks know.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from triage.domain.finding import Point, VertebraFinding
from workers.models import calibrate, locate, ood
from workers.models.bundle import Bundle
from workers.models.preprocess import AffineMap, GrayImage, Prepared, crop

Float = NDArray[np.float32]
FEWEST_BODIES = 3
MOST_OUTSIDE = 1 / 3
LEVELS = tuple(
    [f"C{number}" for number in range(3, 8)]
    + [f"T{number}" for number in range(1, 13)]
    + [f"L{number}" for number in range(1, 6)]
)
NOT_FOUND = ood.Abstention("VERTEBRAE_NOT_FOUND", "Too few vertebral bodies were found on the lateral image.")
UNLIKE = ood.Abstention(
    "VERTEBRAE_UNFAMILIAR", "The vertebrae are unlike those that the network was trained on."
)


@dataclass(frozen=True, slots=True)
class Located:
    """The bodies on one image: centres (row, column) in source pixels, angles, outlines [n, 4, 2], levels."""

    centres: NDArray[np.float64]
    angles: NDArray[np.float64]
    outlines: NDArray[np.float64]
    spacing_mm: tuple[float, float]
    levels: tuple[str | None, ...]


def located(
    logits: Float, features: Float, image: GrayImage, back: AffineMap, whole: bool, locator: Bundle
) -> Located | ood.Abstention:
    """Return the bodies in one heat map [h, w, 1], or why there is nothing to classify."""
    outside = ood.judge(float(locator.reference.scores(features[None])[0]), locator.ood_threshold)
    if outside:
        return outside
    heatmap = np.asarray(calibrate.sigmoid(logits[..., 0]), np.float32)
    stride = locator.preprocessing.height // heatmap.shape[0]
    chain = locate.chain(heatmap, stride=stride, threshold=float(locator.calibration["heatmap_threshold"]))
    if len(chain.points) < FEWEST_BODIES:
        return NOT_FOUND
    centres = back.to_source(chain.points)
    spacing = image.spacing_mm or _estimated(centres, locator)
    if spacing is None:
        return NOT_FOUND
    boxes = [locate.body_outline(chain.points, chain.angles, index) for index in range(len(chain.points))]
    return Located(centres, chain.angles, back.to_source(np.stack(boxes)), spacing, levels(len(boxes), whole))


def _estimated(centres: NDArray[np.float64], locator: Bundle) -> tuple[float, float] | None:
    spacing = locate.estimate_spacing(centres, float(locator.calibration["typical_step_mm"]))
    return None if spacing is None else (spacing, spacing)


def levels(found: int, whole: bool) -> tuple[str | None, ...]:
    """Return the levels of a chain from head to foot; all None unless the count can be trusted."""
    return LEVELS if whole and found == len(LEVELS) else (None,) * found


def crops(image: GrayImage, chain: Located, spec_of: Bundle) -> list[Prepared]:
    """Return one classifier input per body."""
    return [
        crop(image, (float(row), float(column)), float(angle), chain.spacing_mm, spec_of.preprocessing)
        for (row, column), angle in zip(chain.centres, chain.angles, strict=True)
    ]


def findings(
    uid: str, image: GrayImage, chain: Located, logits: Float, features: Float, fresh: Bundle
) -> tuple[VertebraFinding, ...] | ood.Abstention:
    """Return the classified bodies of one image, or an abstention where too many are unlike the training's.

    One odd body is kept: the operating point was measured on every body that was located.
    """
    outside = fresh.reference.scores(features) > fresh.ood_threshold
    if np.mean(outside) > MOST_OUTSIDE:
        return UNLIKE
    probabilities = calibrate.apply(logits, fresh.calibration)
    order = [fresh.label_ids.index(name) for name in ("normal", "old", "fresh")]
    return tuple(_finding(uid, image, chain, index, row[order]) for index, row in enumerate(probabilities))


def _finding(
    uid: str, image: GrayImage, chain: Located, index: int, probabilities: NDArray[np.float64]
) -> VertebraFinding:
    normal, old, recent = (float(value) for value in probabilities)
    label = ("normal", "old", "fresh")[int(np.argmax(probabilities))]
    corners = [stored_point(corner, image) for corner in chain.outlines[index]]
    return VertebraFinding(
        sop_instance_uid=uid,
        level=chain.levels[index],
        label=label,
        p_normal=normal,
        p_old=old,
        p_fresh=recent,
        centre=stored_point(chain.centres[index], image),
        outline=(*corners, corners[0]),
    )


def stored_point(position: NDArray[np.float64], image: GrayImage) -> Point:
    """(row, column) with whole numbers at pixel centres -> (column, row) with 0.5 there, inside the image."""
    rows, columns = image.pixels.shape
    row, column = (float(value) + 0.5 for value in position)
    return min(max(column, 0.0), float(columns)), min(max(row, 0.0), float(rows))
