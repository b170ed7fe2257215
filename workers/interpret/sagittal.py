"""Sagittal MR: slices turned to one orientation, the middle one found, its bodies located and named by counting.

Promise: pure; the front of the patient is to the left and the head is up in whatever a network sees, and coordinates come
back in the stored pixels of the slice. A level is never named: the field of a spine MR shows neither C2 nor, in the phantoms
the networks know, a sacrum; bodies are counted from the lowest one found, and the words say so.
Refuses (Abstention): too few bodies, corners that make none, images unlike those that the networks know.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from triage.domain.finding import Point, Triage, TriageOutcome, VertebraFinding
from triage.domain.mr_series import MrImage
from workers.interpret import alignment, endplates, flag
from workers.interpret.vertebrae import Located
from workers.models import locate, ood
from workers.models.bundle import Bundle
from workers.models.preprocess import AffineMap, GrayImage

Float = NDArray[np.float64]
FEWEST_BODIES = 4
# Share of what the locator found that must be shaped like bodies: else it is no spine, or none that it knows.
LEAST_SOUND = 2 / 3
# Enough for a middle of the usual series; a long one is looked at evenly.
MOST_SLICES = 15
NOT_FOUND = ood.Abstention(
    "MR_VERTEBRAE_NOT_FOUND", "Too few vertebral bodies were found on the sagittal T1-weighted MR slices."
)
UNLIKE = ood.Abstention(
    "MR_UNFAMILIAR", "The MR slice is unlike the sagittal T1-weighted images that the network was trained on."
)


@dataclass(frozen=True, slots=True)
class Turned:
    """A slice with the front to the left and the head up, and how it was turned."""

    image: GrayImage
    transposed: bool
    upside_down: bool
    mirrored: bool

    def stored(self, point: Point) -> Point:
        """(column, row) in the turned slice -> (column, row) in stored pixels, 0.5 the first pixel's centre."""
        column, row = point
        rows, columns = self.image.pixels.shape
        column, row = (columns - column if self.mirrored else column, rows - row if self.upside_down else row)
        return (row, column) if self.transposed else (column, row)


def turned(image: GrayImage, facts: MrImage) -> Turned:
    """Return the slice as the networks want it, by Image Orientation (Patient), PS3.3 C.7.6.2.1.1."""
    assert facts.along_row is not None and facts.along_column is not None
    transposed = abs(facts.along_row[2]) > abs(facts.along_column[2])
    across, down = (
        (facts.along_column, facts.along_row) if transposed else (facts.along_row, facts.along_column)
    )
    pixels = image.pixels.T if transposed else image.pixels
    # In the patient's axes +y is the back and +z the head.
    mirrored, upside_down = across[1] < 0, down[2] > 0
    pixels = pixels[::-1] if upside_down else pixels
    pixels = pixels[:, ::-1] if mirrored else pixels
    spacing = image.spacing_mm
    if spacing is not None and transposed:
        spacing = (spacing[1], spacing[0])
    return Turned(
        GrayImage(np.ascontiguousarray(pixels), spacing, image.bits), transposed, upside_down, mirrored
    )


def candidates(count: int) -> list[int]:
    """Places of the slices to look at: all, or MOST_SLICES spread over the stack."""
    return sorted({round(place) for place in np.linspace(0, count - 1, min(count, MOST_SLICES))})


def middle(places: Sequence[float], evidence: Sequence[float]) -> int | None:
    """Index of the mid-sagittal slice: the nearest to the centre of the evidence for bodies, None without any.

    Vertebral bodies are as wide on the left as on the right, so the centre of the slices that show them is their middle;
    the middle of the stack need not be.
    """
    weights = np.asarray(evidence, float)
    if not len(weights) or weights.max() <= 0:
        return None
    weights = np.where(weights >= 0.5 * weights.max(), weights, 0.0)
    centre = float((np.asarray(places) * weights).sum() / weights.sum())
    kept = np.flatnonzero(weights)
    return int(kept[np.argmin(np.abs(np.asarray(places)[kept] - centre))])


def bodies(
    logits: NDArray[np.float32],
    features: NDArray[np.float32],
    slice_: Turned,
    back: AffineMap,
    locator: Bundle,
) -> Located | ood.Abstention:
    """Return the bodies that lie whole in the turned slice, head first, with their corners as outlines."""
    if ood.judge(float(locator.reference.scores(features[None])[0]), locator.ood_threshold):
        return UNLIKE
    corners, _ = corners_of(logits, locator)
    corners = back.to_source(corners)
    rows, columns = slice_.image.pixels.shape
    inside = (corners >= -0.5).all(axis=(1, 2)) & (corners <= np.array([rows, columns]) - 0.5).all(
        axis=(1, 2)
    )
    spacing = slice_.image.spacing_mm
    if spacing is None or not len(corners):
        return NOT_FOUND
    millimetres = alignment.to_millimetres(corners, spacing)
    sound = np.array([endplates.is_body(body) for body in millimetres], bool)
    corners = corners[inside & sound]
    if len(corners) < FEWEST_BODIES or np.mean(sound) < LEAST_SOUND:
        return NOT_FOUND
    centres = corners.mean(axis=1)
    return Located(centres, locate.axis_angles(centres), corners, spacing, (None,) * len(corners))


def corners_of(logits: NDArray[np.float32], locator: Bundle) -> tuple[Float, Float]:
    """Corners [n, 4, 2] in network pixels and scores [n] of one map [h, w, 9]."""
    stride = locator.preprocessing.height // logits.shape[0]
    return endplates.corners_of(logits, stride, float(locator.calibration["heatmap_threshold"]))


def counted(found: Sequence[VertebraFinding], slice_: Turned) -> tuple[VertebraFinding, ...]:
    """Bodies of a turned slice, head first -> in stored pixels, each with its number from below."""
    return tuple(
        replace(
            body,
            centre=slice_.stored(body.centre),
            outline=tuple(slice_.stored(point) for point in body.outline),
            counted=len(found) - place,
        )
        for place, body in enumerate(found)
    )


def triage(found: Sequence[VertebraFinding], where: str, classifier: Bundle) -> Triage:
    """Return the study's answer from its bodies; `where` says what was looked at."""
    threshold = classifier.operating_point(flag.OPERATING_POINT).threshold
    probability = flag.image_probability(found, classifier)
    looked = f"{where}; {len(found)} vertebral bodies, counted from the lowest one found, levels not named."
    if probability >= threshold:
        sentence = f"Look sooner: possible recent vertebral fracture on MR. {looked}"
        return Triage(TriageOutcome.FLAGGED, probability, threshold, "POSSIBLE_RECENT_FRACTURE_MR", sentence)
    sentence = f"No triage flag. The absence of a flag is not a negative result. {looked}"
    return Triage(TriageOutcome.NOT_FLAGGED, probability, threshold, "BELOW_THRESHOLD", sentence)


def abstained(why: ood.Abstention) -> Triage:
    """Return that there is no answer, and why."""
    return Triage(TriageOutcome.ABSTAINED, None, None, why.code, why.sentence)
