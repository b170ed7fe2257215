"""The X-ray tube and the detector: a cone of rays from one source to a grid of pixels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workers.training.phantom.chain import rotate_z

Vector = NDArray[np.float64]


@dataclass(frozen=True)
class Camera:
    """pixel_mm is at the detector. beam, across and down are unit vectors; (column, row) run along across and down."""

    rows: int
    columns: int
    pixel_mm: float
    source: Vector
    detector: Vector
    beam: Vector
    across: Vector
    distance: float
    magnification: float

    @property
    def down(self) -> Vector:
        return np.array([0.0, 0.0, -1.0])

    def project(self, points: Vector) -> Vector:
        """Patient millimetres [..., 3] to (row, column) with whole numbers at pixel centres."""
        rays = np.asarray(points, float) - self.source
        hits = self.source + rays * (self.distance / (rays @ self.beam))[..., None] - self.detector
        row = hits @ self.down / self.pixel_mm + self.rows / 2 - 0.5
        column = hits @ self.across / self.pixel_mm + self.columns / 2 - 0.5
        return np.stack([row, column], axis=-1)

    def windows(self, centres: Vector, radii: Vector) -> NDArray[np.int64]:
        """Rows and columns [n, 4] (first, past last, first, past last) that spheres may touch; empty when outside."""
        place = self.project(centres)
        reach = (self.magnification * 1.12 / self.pixel_mm * radii)[:, None]
        low = np.maximum(np.trunc(place - reach), 0)
        high = np.minimum(np.trunc(place + reach) + 2, (self.rows, self.columns))
        return np.stack([low[:, 0], high[:, 0], low[:, 1], high[:, 1]], axis=1).astype(np.int64)

    def local(self, centres: Vector, axes: Vector) -> Vector:
        """Source, first ray, ray step per column and per row in the frames [n, 3, 3] of shapes, as [n, 12]."""
        steps = np.stack(
            [self.detector - self.source, self.across * self.pixel_mm, self.down * self.pixel_mm]
        )
        sources = np.einsum("nji,nj->ni", axes, self.source - centres)
        rays = np.einsum("nji,kj->nki", axes, steps)
        return np.concatenate([sources, rays.reshape(len(centres), 9)], axis=1)


def aim(
    view: str,
    rows: int,
    columns: int,
    pixel_mm: float,
    centre: Vector,
    *,
    distance: float,
    gap: float,
    turn: float,
) -> Camera:
    """A camera with its central ray through centre; gap is from centre to detector, turn in radians about z.

    AP shows the patient's left on the image's right; LATERAL shows the front on the image's left.
    """
    beam, across = (
        (np.array([0.0, 1.0, 0.0]), np.array([1.0, 0.0, 0.0]))
        if view == "AP"
        else (np.array([1.0, 0.0, 0.0]), np.array([0.0, 1.0, 0.0]))
    )
    beam, across = rotate_z(turn) @ beam, rotate_z(turn) @ across
    source, detector = centre - beam * (distance - gap), centre + beam * gap
    return Camera(
        rows, columns, pixel_mm, source, detector, beam, across, distance, distance / (distance - gap)
    )  # fmt: skip
