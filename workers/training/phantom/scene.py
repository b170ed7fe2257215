"""A scene collects convex shapes and turns them into path lengths per material in one compiled pass."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from workers.training.phantom import kernel
from workers.training.phantom.camera import Camera

Vector = NDArray[np.float64]
Quadric = tuple[float, float, float, float, float, float, float]
Plane = tuple[float, float, float, float]
SOFT, BONE, METAL, CEMENT = range(4)
PLAIN, TRABECULAR, LUNG, PLASTER = range(4)
_TILE = 512


def ellipsoid(centre: Sequence[float], radii: Sequence[float]) -> Quadric:
    """Interior where the quadric is at most 1."""
    x, y, z = centre
    a, b, c = (1 / max(float(r), 0.3) ** 2 for r in radii)
    return (x, y, z, a, b, c, 1.0)


def _cross(a: Vector, b: Vector) -> Vector:
    """np.cross spends most of a scene's set-up time on its generality."""
    return np.array([a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]])


def noise(
    rng: np.random.Generator, rows: int, columns: int, grain: float, octaves: int
) -> NDArray[np.float32]:
    """Smooth noise of unit variance; grain in pixels is the coarsest octave's."""
    total = np.zeros((rows, columns), np.float32)
    for octave in range(octaves):
        size = max(grain / 2**octave, 1.0)
        small = rng.standard_normal((int(rows / size) + 3, int(columns / size) + 3)).astype(np.float32)
        total += kernel.upsample(small, rows, columns) * 0.6**octave
    spread: NDArray[np.float32] = total / total.std()
    return spread


def textures(rng: np.random.Generator, pixel_mm: float) -> NDArray[np.float32]:
    """Tiles that multiply chord lengths: plain, trabecular bone with vertical grain, lung, plaster."""
    tiles = np.ones((4, _TILE, _TILE), np.float32)
    grain = noise(rng, _TILE, _TILE, 11 / pixel_mm, 4)
    strands = np.repeat(rng.standard_normal((_TILE // 8, _TILE)).astype(np.float32), 8, axis=0)
    tiles[TRABECULAR] = np.clip(1 + 0.2 * grain + 0.07 * strands, 0.3, 2)
    tiles[LUNG] = 1 - 0.03 * noise(rng, _TILE, _TILE, 9 / pixel_mm, 3)
    tiles[PLASTER] = 1 + 0.08 * noise(rng, _TILE, _TILE, 7 / pixel_mm, 3)
    return tiles


@dataclass
class _Shape:
    kind: tuple[int, int]
    centre: Vector
    axes: Vector
    radius: float
    quadrics: Sequence[Quadric]
    planes: Sequence[Plane]
    weight: float


@dataclass
class Scene:
    """paths are float32 [4, rows, columns] in mm of soft tissue, bone in excess of it, metal and cement."""

    camera: Camera
    tiles: NDArray[np.float32]
    paths: NDArray[np.float32] = field(init=False)
    _shapes: list[_Shape] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.paths = np.zeros((4, self.camera.rows, self.camera.columns), np.float32)

    def add(
        self,
        channel: int,
        centre: Vector,
        axes: Vector,
        radius: float,
        quadrics: Sequence[Quadric],
        planes: Sequence[Plane],
        weight: float,
        texture: int = PLAIN,
    ) -> None:
        """A convex set: at most 2 quadrics and 9 planes in the frame (centre, axes), inside a sphere of radius."""
        self._shapes.append(_Shape((channel, texture), centre, axes, radius, quadrics, planes, weight))

    def ball(
        self,
        channel: int,
        centre: Vector,
        radii: Sequence[float],
        axes: Vector | None = None,
        *,
        weight: float = 1.0,
        shell: float = 0.0,
        planes: Sequence[Plane] = (),
        inner: float = 0.15,
    ) -> None:
        """An ellipsoid; with a shell, its inside keeps the fraction inner of the density."""
        frame = np.eye(3) if axes is None else axes
        reach = max(radii) * 1.02
        self.add(channel, centre, frame, reach, [ellipsoid((0, 0, 0), radii)], planes, weight)
        if shell:
            hollow = ellipsoid((0, 0, 0), [r - shell for r in radii])
            self.add(channel, centre, frame, reach, [hollow], planes, -weight * (1 - inner))

    def rod(
        self,
        channel: int,
        start: Vector,
        end: Vector,
        radius: float,
        *,
        weight: float = 1.0,
        shell: float = 0.0,
        inner: float = 0.15,
        flat: float = 1.0,
    ) -> None:
        """A cylinder with flat ends; flat stretches one of its radii."""
        length = math.dist(start, end)
        if length < 1e-3:
            return
        z = (end - start) / length
        helper = np.array([1.0, 0, 0]) if abs(z[0]) < 0.9 else np.array([0, 1.0, 0])
        x = _cross(helper, z)
        x /= math.sqrt(float(x @ x))
        axes = np.array([x, _cross(z, x), z]).T
        caps = [(0.0, 0.0, 1.0, length / 2), (0.0, 0.0, -1.0, length / 2)]
        middle, reach = (start + end) / 2, length / 2 + radius * max(flat, 1.0)
        tube: Quadric = (0, 0, 0, 1 / radius**2, 1 / (radius * flat) ** 2, 0, 1)
        self.add(channel, middle, axes, reach, [tube], caps, weight)
        if shell and radius > shell:
            bore: Quadric = (0, 0, 0, 1 / (radius - shell) ** 2, 1 / (radius * flat - shell) ** 2, 0, 1)
            self.add(channel, middle, axes, reach, [bore], caps, -weight * (1 - inner))

    def tube(self, channel: int, points: Sequence[Vector], radius: float, **kwargs: float) -> None:
        """Rods from point to point."""
        for start, end in itertools.pairwise(points):
            self.rod(channel, np.asarray(start, float), np.asarray(end, float), radius, **kwargs)

    def prism(
        self, channel: int, centre: Vector, axes: Vector, half: Sequence[float], *, taper: float, shell: float,
        inner: float, weight: float,
    ) -> None:  # fmt: skip
        """A tapered block with rounded sides; half = (width, depth, height) halves."""
        reach = float(np.sqrt(sum(value**2 for value in half)))

        def sides(margin: float) -> list[Plane]:
            w, d, h = (value - margin for value in half)
            return [
                (1, 0, -taper, w),
                (-1, 0, -taper, w),
                (0, 1, -taper, d),
                (0, -1, -taper, d),
                (0, 0, 1, h),
                (0, 0, -1, h),
            ]

        def barrel(margin: float) -> Quadric:
            return (0, 0, 0, 1 / (1.28 * (half[0] - margin)) ** 2, 1 / (1.28 * (half[1] - margin)) ** 2, 0, 1)

        self.add(channel, centre, axes, reach, [barrel(0)], sides(0), weight)
        self.add(channel, centre, axes, reach, [barrel(shell)], sides(shell), -weight * (1 - inner))

    def trace(self) -> None:
        """Add all collected shapes to paths."""
        count = len(self._shapes)
        centres, axes = np.array([s.centre for s in self._shapes]), np.array([s.axes for s in self._shapes])
        radii = np.array([s.radius for s in self._shapes], float)
        quadrics, planes = np.zeros((count, 2, 7)), np.zeros((count, 9, 4))
        counts = np.zeros((count, 2), np.int64)
        for i, shape in enumerate(self._shapes):
            counts[i] = len(shape.quadrics), len(shape.planes)
            for j, quadric in enumerate(shape.quadrics):
                quadrics[i, j] = quadric
            for j, plane in enumerate(shape.planes):
                planes[i, j] = plane
        if count:
            kernel.trace(
                self.paths,
                self.tiles,
                np.array([shape.kind for shape in self._shapes]),
                self.camera.windows(centres, radii),
                self.camera.local(centres, axes),
                quadrics,
                planes,
                counts,
                np.array([shape.weight for shape in self._shapes], float),
            )
        self._shapes.clear()
