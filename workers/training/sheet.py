"""A contact sheet of phantom radiographs, for eyes: the ten categories, spots and fractures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from workers.training.phantom.anatomy import BRACE, FUSION, GROWTH, STANDING, TETHER, sample_patient
from workers.training.phantom.radiograph import LUMBAR, THORACOLUMBAR, WHOLE, Exposure, render

_TILE = (150, 300)


def write_sheet(path: Path, *, seed: int, height: int = 300) -> None:
    """Two rows of seven films, AP above lateral; JPEG or PNG by the file's ending."""
    kinds = [(STANDING, WHOLE), (BRACE, WHOLE), (FUSION, WHOLE), (GROWTH, WHOLE), (TETHER, WHOLE)]
    kinds += [(STANDING, LUMBAR), (STANDING, THORACOLUMBAR)]
    rows = []
    for view in ("AP", "LATERAL"):
        tiles = []
        for index, (state, field) in enumerate(kinds):
            child, fractures = state in (GROWTH, TETHER, BRACE), 2 if field != WHOLE else 0
            patient = sample_patient(seed * 1000 + 17 * index, state=state, child=child, fractures=fractures)
            picture = render(patient, Exposure(view, field, rows=2 * height)).pixels
            tiles.append(_tile(picture, height))
        rows.append(np.hstack(tiles))
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.vstack(rows)).save(path)


def _tile(
    picture: np.ndarray[tuple[int, ...], np.dtype[np.float32]], height: int
) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    image = Image.fromarray((picture * 255).astype(np.uint8))
    image.thumbnail((height // 2 + 10, height))
    tile = np.zeros((height, height // 2 + 10), np.uint8)
    values = np.asarray(image)
    tile[: values.shape[0], : values.shape[1]] = values
    return tile
