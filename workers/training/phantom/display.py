"""The maker's display chain: compress the background, lift the bone band and the fine detail, bend through a sigmoid.

Every maker does this differently, so each film draws its own strengths; collimator and side marker belong to it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from workers.training.phantom.physics import blur

Float = NDArray[np.float32]


def _soft_limit(detail: NDArray[Any]) -> Float:
    """Skin line and metal edges must not ring."""
    return np.asarray(np.tanh(detail * 2.2) / 2.2, np.float32)


def _sample(image: NDArray[Any]) -> NDArray[Any]:
    step = max(1, int(np.sqrt(image.size / 50_000)))
    return image[::step, ::step]


def harmonise(signal: Float, pixel_mm: float, rng: np.random.Generator) -> Float:
    """Values 0..1 from the detector's logarithm; the window looks at the body only."""
    body = signal > 0.45
    inside = _sample(signal)[_sample(np.asarray(body, np.float32)) > 0]
    inside = inside if inside.size > 50 else _sample(signal).ravel()
    low, high = (float(v) for v in np.percentile(inside, [rng.uniform(1, 8), rng.uniform(96, 99.5)]))
    span = np.float32(max(high - low, 1e-3))
    wide = float(rng.uniform(14, 30)) / pixel_mm
    weight = blur(body.astype(np.float32), wide)
    base = blur(np.where(body, signal, 0).astype(np.float32), wide) / np.maximum(weight, 0.02)
    middle = blur(signal, 4 / pixel_mm)
    keep = np.float32(rng.uniform(0.12, 0.45))
    band, fine = np.float32(rng.uniform(1.3, 3.2)), np.float32(rng.uniform(1.5, 3.2))
    tone = 0.5 * (1 - keep) + keep * (base - low) / span
    tone = (
        tone + band * _soft_limit((middle - base) / span) + fine * 1.6 * _soft_limit((signal - middle) / span)
    )
    slope, centre = np.float32(rng.uniform(3.5, 6)), np.float32(rng.uniform(0.42, 0.60))
    bent = 1 / (1 + np.exp(-slope * (tone - centre)))
    floor, top = (float(v) for v in np.percentile(_sample(bent), [0.5, 99.7]))
    return np.asarray(np.clip((bent - floor) / max(top - floor, 1e-3), 0, 1), np.float32)


Box = tuple[int, int, int, int]


def collimate(image: Float, rng: np.random.Generator) -> tuple[Float, Box]:
    """Dark borders on three films of four; also the lit rows and columns (first, past last)."""
    rows, columns = image.shape
    top, bottom = rng.integers(0, max(2, rows // 22), 2)
    left, right = rng.integers(0, max(2, columns // 12), 2)
    if rng.random() >= 0.75:
        return image, (0, rows, 0, columns)
    field = np.zeros_like(image)
    field[top : rows - bottom, left : columns - right] = 1
    box = (int(top), int(rows - bottom), int(left), int(columns - right))
    return image * blur(field, 0.8), box


def stamp(image: Float, letters: str, place: tuple[float, float], brightness: float, size: float) -> Float:
    """Lead letters; place is (row, column) and size the letter height, as fractions of the image."""
    rows, columns = image.shape
    canvas = Image.fromarray((image * 255).astype(np.uint8))
    font = ImageFont.load_default(size=max(6, rows * size))
    ImageDraw.Draw(canvas).text(
        (columns * place[1], rows * place[0]), letters, fill=int(brightness * 255), font=font
    )
    drawn = np.asarray(canvas, np.float32) / 255
    return np.where(drawn > image + 0.02, drawn, image).astype(np.float32)


def mark_side(image: Float, rng: np.random.Generator) -> Float:
    place = (float(rng.uniform(0.08, 0.6)), float(rng.choice([0.08, 0.86])))
    return stamp(image, str(rng.choice(list("LR"))), place, float(rng.uniform(0.8, 1.0)), 1 / 24)
