"""The scanner: coil falloff, bias, chemical shift, truncated k-space, breathing ghosts, Rician noise, window."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, shift

from workers.training.phantom.anatomy import LEVELS
from workers.training.phantom.chain import Vertebra, build_chain
from workers.training.phantom.scene import noise
from workers.training.phantom.signal import MarrowPatient
from workers.training.phantom.tissue import Plane, Tones, add_body, sample_tones, surroundings

Float = NDArray[np.float64]
Rng = np.random.Generator
ROWS, COLUMNS = 384, 256
_FAT_FROM = 0.7


@dataclass(frozen=True)
class BodyTruth:
    """A body in a slice: (row, column) of its middle and corners, angle of its axis in radians, kind by its change."""

    level: str
    centre: tuple[float, float]
    corners: tuple[tuple[float, float], ...]
    angle: float
    kind: str


@dataclass(frozen=True)
class Slice:
    """pixels 0..1 [rows, columns], front to the left; mask numbers LEVELS from 1; x in mm from the middle, to the left."""

    pixels: NDArray[np.float32]
    mask: NDArray[np.uint8]
    x: float
    y: float
    z: float
    pixel_mm: float
    bodies: tuple[BodyTruth, ...]


@dataclass(frozen=True)
class _Settings:
    """What is the same for all slices of a series."""

    falloff: float
    coil: float
    cut: tuple[float, float]
    ghost: tuple[float, float]
    noise: float
    gamma: float
    high: float
    chemical: float


def _settings(rng: Rng) -> _Settings:
    strength = float(rng.choice([1.5, 3.0]))
    ghost = (float(rng.uniform(0.1, 0.45)), float(rng.uniform(6, 19))) if rng.random() < 0.35 else (0.0, 1.0)
    return _Settings(
        float(rng.uniform(110, 220)), float(rng.uniform(1.0, 1.25)),
        (float(rng.uniform(0.6, 0.95)), float(rng.uniform(0.6, 0.95))), ghost,
        float(rng.uniform(0.006, 0.022)) * (1.5 / strength) ** 0.5, float(rng.uniform(0.8, 1.15)),
        float(rng.uniform(98, 99.8)), float(rng.uniform(0.2, 0.8)) * strength / 1.5,
    )  # fmt: skip


def scan(sick: MarrowPatient, offsets_mm: tuple[float, ...] = (0.0,)) -> tuple[Slice, ...]:
    """A series of sagittal slices; the same patient gives the same slices, whichever are asked for."""
    rng = np.random.default_rng([sick.patient.seed, 7])
    chain = build_chain(sick.patient)
    tones, settings = sample_tones(rng, sick.red), _settings(rng)
    pixel = float(rng.uniform(300, 360)) / ROWS
    middle = chain[5].centre + np.array([0, 8 + rng.normal(0, 8), 18 * rng.normal()])
    y = (np.arange(COLUMNS) - COLUMNS / 2 + 0.5) * pixel + middle[1]
    z = middle[2] - (np.arange(ROWS) - ROWS / 2 + 0.5) * pixel
    centre_x = float(np.mean([v.centre[0] for v in chain[:8]]))
    return tuple(
        _slice(Plane(centre_x + offset, y, z, pixel), chain, sick, tones, settings) for offset in offsets_mm
    )


def _slice(
    plane: Plane, chain: list[Vertebra], sick: MarrowPatient, tones: Tones, settings: _Settings
) -> Slice:
    rng = np.random.default_rng([sick.patient.seed, 8, round(abs(plane.x) * 10), int(plane.x > 0)])
    image = surroundings(plane, chain, sick, tones, rng)
    mask = np.zeros(image.shape, np.uint8)
    texture = np.asarray(noise(rng, image.shape[0], image.shape[1], 5 / plane.pixel_mm, 3), np.float64)
    for v in chain:
        add_body(image, mask, plane, v, sick, tones, texture, LEVELS.index(v.level) + 1)
    pixels = _acquired(image, plane, settings, rng)
    bodies = tuple(truth for v in chain if (truth := _truth(v, plane)) is not None)
    return Slice(pixels, mask, plane.x, float(plane.y[0]), float(plane.z[0]), plane.pixel_mm, bodies)


def _acquired(image: Float, plane: Plane, settings: _Settings, rng: Rng) -> NDArray[np.float32]:
    rows, columns = image.shape
    # Fat resonates elsewhere and lands beside its place, along the frequency direction (here head to foot).
    fat = np.where(image > _FAT_FROM, image, 0.0)
    image = image - fat + shift(fat, (settings.chemical / plane.pixel_mm, 0), order=1)
    depth = plane.y[-1] - plane.y[None, :]
    bias = gaussian_filter(np.asarray(noise(rng, rows, columns, 80 / plane.pixel_mm, 1), float), 3)
    coil = np.exp(-np.clip(depth - 30, 0, 400) / settings.falloff) * settings.coil + 0.12
    image = image * coil / np.percentile(coil, 80) * (1 + 0.1 * bias)
    space = np.fft.fftshift(np.fft.fft2(image))
    ky, kx = np.meshgrid(np.linspace(-1, 1, rows), np.linspace(-1, 1, columns), indexing="ij")
    space *= (np.abs(ky) < settings.cut[0]) & (np.abs(kx) < settings.cut[1])
    space *= np.exp(-0.5 * (ky / 0.9) ** 2 - 0.5 * (kx / 0.9) ** 2)
    depth_of_ghost, period = settings.ghost
    if depth_of_ghost:
        space = space * np.exp(1j * depth_of_ghost * np.sin(np.arange(rows)[:, None] * 2 * np.pi / period))
    seen = np.fft.ifft2(np.fft.ifftshift(space))
    grain = rng.normal(0, settings.noise, (2, rows, columns))
    magnitude = np.abs(seen + grain[0] + 1j * grain[1])
    bright = float(np.percentile(magnitude, settings.high))
    return np.asarray(np.clip(magnitude / bright, 0, 1) ** settings.gamma, np.float32)


def _truth(v: Vertebra, plane: Plane) -> BodyTruth | None:
    h, d, slope = v.height / 2, v.half_depth, float(np.tan(v.wedge / 2))
    back = 0.8 * d
    own = [
        (0, -d, h - slope * d),
        (0, back, h + slope * back),
        (0, back, -h - slope * back),
        (0, -d, -h + slope * d),
    ]
    points = [_pixel(v.at(*point), plane) for point in (*own, (0, -0.1 * d, 0))]
    row, column = points[-1]
    if not (12 < row < len(plane.z) - 12 and 12 < column < len(plane.y) - 12):
        return None
    kind = v.change.kind if v.change is not None else "normal"
    # Positive pitch tips the body's top to the front; the crop turns by the axis of the spine in the image.
    up = v.axes[1:, 2]
    angle = float(np.arctan2(-up[0], up[1]))
    return BodyTruth(v.level, (row, column), tuple(points[:4]), angle, kind)


def _pixel(point: NDArray[np.float64], plane: Plane) -> tuple[float, float]:
    return float((plane.z[0] - point[2]) / plane.pixel_mm), float((point[1] - plane.y[0]) / plane.pixel_mm)
