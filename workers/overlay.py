"""The attention map of one film, small, as a picture to lay over the key image's preview.

Promise: at most SIDE pixels a side, in the preview's own size; a few opaque-to-clear steps of one colour map that colour
blind readers tell apart (cividis), scaled over the whole film so that a vertebra that says little shows little. It is
made of what the network had computed anyway. It is no explanation and no outline (workers.models.attention.LABEL).
"""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from triage.domain.reading import KeyImage
from workers.models.preprocess import GrayImage, Prepared, PreprocessSpec, sample_bilinear

Float = NDArray[np.float32]
# The map has a handful of cells to a vertebra: a quarter of the preview's pixels tell all that it knows.
COARSE = 4
# Nunez, Anderton and Renslow, PLoS ONE 13(7), 2018, in 16 steps from dark to bright.
CIVIDIS = bytes.fromhex(
    "00224e002e6c1e3a6f35456c47516c575d6d666970757575848279948e77a59c74b7a96ec8b866dbc75aeed649fee838"
)
STEPS = len(CIVIDIS) // 3
MOST_OPAQUE = 190


def film(
    preview: KeyImage, image: GrayImage, crops: Sequence[Prepared], maps: Float, spec: PreprocessSpec
) -> bytes:
    """Return a PNG of the preview's size from maps [n, h, w] of crops that `spec` prepared; empty where all say nothing."""
    values = _on_film(preview, image, crops, maps, spec)
    most = float(values.max(initial=0.0))
    if most <= 0.0:
        return b""
    coarse = Image.fromarray((values / most * 255.0 + 0.5).astype(np.uint8))
    wide = np.asarray(coarse.resize((preview.width, preview.height), Image.Resampling.BILINEAR))
    stepped = Image.fromarray((wide.astype(np.uint16) * STEPS // 256).astype(np.uint8))
    stepped.putpalette(CIVIDIS)
    clear = bytes(MOST_OPAQUE * step // (STEPS - 1) for step in range(STEPS))
    encoded = io.BytesIO()
    stepped.save(encoded, "PNG", bits=4, transparency=clear, optimize=True)
    return encoded.getvalue()


def _on_film(
    preview: KeyImage, image: GrayImage, crops: Sequence[Prepared], maps: Float, spec: PreprocessSpec
) -> Float:
    """Values [rows, columns] on a coarse grid over the film: the largest of any crop that covers the place."""
    rows, columns = -(-preview.height // COARSE), -(-preview.width // COARSE)
    source = _centres(image.pixels.shape, (rows, columns))
    size = np.array([spec.height, spec.width], float)
    cells = np.array(maps.shape[1:], float)
    whole = np.zeros((rows, columns), np.float32)
    for one, grid in zip(crops, maps, strict=True):
        place = one.to_source.to_prepared(source)
        inside = ((place >= -0.5) & (place <= size - 0.5)).all(axis=-1)
        found = sample_bilinear(grid, (place[inside] + 0.5) * (cells / size) - 0.5)
        whole[inside] = np.maximum(whole[inside], found)
    return whole


def _centres(shape: tuple[int, ...], cells: tuple[int, int]) -> NDArray[np.float64]:
    """The middle of each cell in source pixels, whole numbers at pixel centres."""
    rows, columns = (
        (np.arange(count) + 0.5) * extent / count - 0.5 for extent, count in zip(shape, cells, strict=True)
    )
    return np.stack(np.meshgrid(rows, columns, indexing="ij"), axis=-1)
