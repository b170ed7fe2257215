"""What happens to films on their way: noise, blur, contrast, rotation, cropping, JPEG, each at four levels.

Promise: pure and seeded; the film keeps its size, its spacing and about its range. Levels were chosen before any
figure was seen: the mildest should hardly matter to a reader, the worst plainly spoils the film.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import gaussian_filter, rotate

from workers.models.preprocess import GrayImage

Array = NDArray[Any]
Floats = NDArray[np.float32]
_OUTPUT = 4095.0


def _noise(unit: Floats, level: float, rng: np.random.Generator) -> Floats:
    return unit + rng.normal(0, level, unit.shape).astype(np.float32)


def _blur(unit: Floats, level: float, rng: np.random.Generator) -> Floats:
    # A share of the height, so that a film blurs alike whatever its matrix.
    blurred: Floats = gaussian_filter(unit, level * unit.shape[0])
    return blurred


def _contrast(unit: Floats, level: float, rng: np.random.Generator) -> Floats:
    middle = float(np.median(unit))
    return np.asarray(middle + (unit - middle) * level, np.float32)


def _gamma(unit: Floats, level: float, rng: np.random.Generator) -> Floats:
    return np.asarray(np.clip(unit, 0, 1) ** level, np.float32)


def _rotation(unit: Floats, level: float, rng: np.random.Generator) -> Floats:
    sign = 1 if rng.random() < 0.5 else -1
    turned: Floats = rotate(
        unit, sign * level, reshape=False, order=1, mode="constant", cval=float(unit.min())
    )
    return turned


def _cropping(unit: Floats, level: float, rng: np.random.Generator) -> Floats:
    """Collimate: darken a share of each side, as a narrower field would."""
    rows, columns = (int(side * level) for side in unit.shape)
    kept = np.full_like(unit, float(unit.min()))
    inside = (slice(rows, unit.shape[0] - rows), slice(columns, unit.shape[1] - columns))
    kept[inside] = unit[inside]
    return kept


def _jpeg(unit: Floats, level: float, rng: np.random.Generator) -> Floats:
    stream = io.BytesIO()
    Image.fromarray(np.asarray(np.clip(unit, 0, 1) * 255, np.uint8)).save(stream, "JPEG", quality=int(level))
    return np.asarray(Image.open(stream), np.float32) / np.float32(255)


Corruption = Callable[[Floats, float, np.random.Generator], Floats]
LADDER: Mapping[str, tuple[Corruption, tuple[float, ...]]] = {
    "noise (SD, share of the range)": (_noise, (0.01, 0.03, 0.06, 0.12)),
    "blur (SD, share of the height)": (_blur, (0.001, 0.002, 0.004, 0.008)),
    "contrast (factor)": (_contrast, (0.8, 0.6, 0.4, 0.2)),
    "gamma (exponent)": (_gamma, (0.5, 0.7, 1.4, 2.0)),
    "rotation (degrees)": (_rotation, (3, 7, 15, 30)),
    "cropping (share of each side)": (_cropping, (0.05, 0.1, 0.2, 0.3)),
    "JPEG (quality)": (_jpeg, (90, 50, 20, 5)),
}


def corrupted(image: GrayImage, name: str, level: float, seed: int) -> GrayImage:
    """Return the film after one corruption, as 12 bits."""
    low, high = (float(v) for v in np.percentile(image.pixels[::4, ::4], (0.1, 99.9)))
    unit = (
        ((np.asarray(image.pixels, np.float32) - low) / max(high - low, 1e-6)).clip(0, 1).astype(np.float32)
    )
    change = LADDER[name][0]
    changed = change(unit, level, np.random.default_rng([seed, 31])).clip(0, 1)
    return GrayImage(np.round(changed * _OUTPUT).astype(np.uint16), image.spacing_mm, 12)
