"""Hop 9, geometry: outlines of vertebrae as the standard wants them, and as pixels.

Promise: (column, row) with 0.5 at the centre of the first pixel (PS3.3 C.10.5.1.2 and C.18.6.1.2), closed, inside
the image. Refuses, with Unprocessable, coordinates that are no numbers.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from triage.domain.errors import Unprocessable
from triage.domain.finding import Point, VertebraFinding
from workers.report import wire
from workers.report.source import Radiograph

_LEAST_CORNERS = 3


def vertebra_name(vertebra: VertebraFinding, number: int) -> str:
    """Return the level, or the number among the flagged vertebrae of its image when no level could be named."""
    level = wire.plain(vertebra.level or "", 16)
    return f"{level} #{number}" if level else f"vertebra #{number}"


def clipped_point(image: Radiograph, point: Point) -> tuple[float, float]:
    """Return `point` moved into the image."""
    column, row = point
    if not np.isfinite([column, row]).all():
        raise Unprocessable("outline", "a model returned a position that is no number")
    return min(max(column, 0.0), float(image.columns)), min(max(row, 0.0), float(image.rows))


def clipped_outline(image: Radiograph, vertebra: VertebraFinding) -> NDArray[np.float64] | None:
    """Return the closed outline as an (n, 2) array, or None when fewer than three corners are left."""
    corners: list[tuple[float, float]] = []
    for point in vertebra.outline:
        corner = clipped_point(image, point)
        # SCOORD Graphic Data is FL: rounding here makes the report and the overlay agree to the bit.
        corner = (round(corner[0], 2), round(corner[1], 2))
        if not corners or corner != corners[-1]:
            corners.append(corner)
    if len(corners) > 1 and corners[0] == corners[-1]:
        corners.pop()
    if len(set(corners)) < _LEAST_CORNERS:
        return None
    return np.array([*corners, corners[0]], dtype=np.float64)


def rasterise(outline: NDArray[np.float64], rows: int, columns: int) -> NDArray[np.uint8]:
    """Return a rows x columns mask of the pixels whose centre lies inside (even-odd rule)."""
    mask = np.zeros((rows, columns), dtype=np.uint8)
    left, top = np.floor(outline.min(axis=0)).astype(int)
    right, bottom = np.ceil(outline.max(axis=0)).astype(int)
    across = np.arange(left, right)[np.newaxis, :] + 0.5
    down = np.arange(top, bottom)[:, np.newaxis] + 0.5
    inside = np.zeros((bottom - top, right - left), dtype=bool)
    for (x0, y0), (x1, y1) in pairwise(outline):
        if y0 == y1:
            continue
        spans = (y0 > down) != (y1 > down)
        inside ^= spans & (across < x0 + (down - y0) * (x1 - x0) / (y1 - y0))
    mask[top:bottom, left:right] = inside
    return mask
