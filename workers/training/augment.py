"""Augmentation of prepared images in 0..1: geometry by one affine resampling, then exposure, noise and occlusion.

Mirroring is safe for every label here: which way the patient faces is not a label. Inversion is not an augmentation:
an inverted film is one of the things the gate must refuse.
"""

# mypy: disable-error-code="untyped-decorator"
# numba ships no types for its decorators.

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

Float = NDArray[np.float32]
Rng = np.random.Generator


@njit(cache=True, fastmath=True)
def _resample(source, matrix, offset):  # type: ignore[no-untyped-def]  # compiled
    """out[p] = source[matrix @ p + offset], bilinear, 0 outside; uint8 in, 0..1 out."""
    rows, columns = source.shape
    out = np.zeros((rows, columns), np.float32)
    for r in range(rows):
        for c in range(columns):
            y = matrix[0, 0] * r + matrix[0, 1] * c + offset[0]
            x = matrix[1, 0] * r + matrix[1, 1] * c + offset[1]
            if y < 0 or x < 0 or y > rows - 1 or x > columns - 1:
                continue
            y0, x0 = min(int(y), rows - 2), min(int(x), columns - 2)
            fy, fx = y - y0, x - x0
            upper = source[y0, x0] * (1 - fx) + source[y0, x0 + 1] * fx
            lower = source[y0 + 1, x0] * (1 - fx) + source[y0 + 1, x0 + 1] * fx
            out[r, c] = (upper * (1 - fy) + lower * fy) / 255.0
    return out


def random_affine(
    rng: Rng, rows: int, columns: int, *, strength: float = 1.0, mirror: bool = True
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """matrix and offset from output to input pixels: rotation to 8 degrees, scale .87 to 1.15, shift 6 %, mirror.

    strength scales all but the mirror; the draws are the same whatever the options say.
    """
    angle = float(rng.uniform(-1, 1)) * np.deg2rad(8) * strength
    stretch = np.exp((rng.uniform(-0.14, 0.14) + rng.uniform(-0.04, 0.04, 2)) * strength)
    flipped = rng.random() < 0.5
    side = -1.0 if flipped and mirror else 1.0
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    matrix = turn @ np.diag(stretch) @ np.diag([1.0, side])
    middle = np.array([(rows - 1) / 2, (columns - 1) / 2])
    shift = rng.uniform(-0.06, 0.06, 2) * strength * (rows, columns)
    return matrix, middle + shift - matrix @ middle


def expose(image: Float, rng: Rng) -> Float:
    """Gamma, contrast, brightness, noise and an occasional black box."""
    gamma = np.float32(np.exp(rng.uniform(-0.5, 0.5)))
    image = np.power(image, gamma)
    contrast, brightness = np.float32(rng.uniform(0.65, 1.25)), np.float32(rng.uniform(-0.12, 0.12))
    image = (image - np.float32(0.5)) * contrast + np.float32(0.5) + brightness
    if rng.random() < 0.6:
        image = image + rng.standard_normal(image.shape, np.float32) * np.float32(rng.uniform(0, 0.05))
    if rng.random() < 0.3:
        r, c = (int(rng.integers(0, size)) for size in image.shape)
        h, w = (int(rng.integers(4, max(5, size // 5))) for size in image.shape)
        image[r : r + h, c : c + w] = np.float32(rng.choice([0.0, 1.0, rng.random()]))
    return np.clip(image, 0, 1).astype(np.float32)


def vary(
    source: NDArray[np.uint8], rng: Rng, *, strength: float = 1.0, mirror: bool = True
) -> tuple[Float, NDArray[np.float64], NDArray[np.float64]]:
    """An augmented film and the affine that made it; below strength 1 its exposure is mixed with the original's."""
    matrix, offset = random_affine(rng, *source.shape, strength=strength, mirror=mirror)
    moved: Float = _resample(source, matrix, offset)
    exposed = expose(moved, rng)
    if strength < 1:
        exposed = np.asarray(moved + np.float32(strength) * (exposed - moved), np.float32)
    return exposed, matrix, offset


def estrange(image: Float, rng: Rng) -> Float:
    """A spine film spoilt until it must be refused: inverted, upside down, cut up, or drowned in noise."""
    choice = int(rng.integers(0, 4))
    if choice == 0:
        border = np.float32(rng.random() < 0.5)
        return np.where(image > 0, np.float32(1) - image, border).astype(np.float32)
    if choice == 1:
        return image[::-1].copy()
    if choice == 2:
        bands = np.array_split(image, int(rng.integers(4, 9)))
        return np.concatenate([bands[i] for i in rng.permutation(len(bands))])
    noise = rng.standard_normal(image.shape, np.float32) * np.float32(rng.uniform(0.35, 0.8))
    return np.asarray(np.clip(image * np.float32(0.3) + np.abs(noise), 0, 1), np.float32)
