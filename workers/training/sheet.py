"""A contact sheet of phantom radiographs, for eyes: the ten categories, spots and fractures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from workers.training.phantom.anatomy import BRACE, FUSION, GROWTH, STANDING, TETHER, sample_patient
from workers.training.phantom.radiograph import LUMBAR, THORACOLUMBAR, WHOLE, Exposure, render
from workers.training.phantom.scanner import scan
from workers.training.phantom_sets import members

Byte = NDArray[np.uint8]
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


def write_task_sheet(
    path: Path, task: str, *, seed: int, difficulty: str, count: int = 12, height: int = 320
) -> None:
    """The first patients of a phantom set in two rows, each with its label and what was done to it."""
    tiles = []
    for member in members(task, seed, count, difficulty):
        if member.sick is not None:
            pictures = [scan(member.sick)[0].pixels]
        else:
            pictures = [render(member.patient, exposure).pixels for exposure in member.exposures]
        words = " ".join(part for part in (member.label, member.groups.get("mimic")) if part)
        changes = [
            f"{level} {change.kind}"
            for level, change in member.patient.deformities.items()
            if change.kind != "normal"
        ]
        tiles.append(
            _captioned(np.hstack([_tile(picture, height) for picture in pictures]), [words, *changes])
        )
    half = (len(tiles) + 1) // 2
    blank = np.zeros_like(tiles[0])
    rows = [tiles[:half], [*tiles[half:], *[blank] * (2 * half - len(tiles))]]
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.vstack([np.hstack(row) for row in rows])).save(path)


def _captioned(tile: Byte, lines: Sequence[str]) -> Byte:
    image = Image.fromarray(tile)
    ImageDraw.Draw(image).multiline_text((3, 2), "\n".join(lines), fill=255, spacing=1)
    return np.asarray(image, np.uint8)


def _tile(picture: NDArray[np.float32], height: int) -> Byte:
    image = Image.fromarray((picture * 255).astype(np.uint8))
    image.thumbnail((height // 2 + 10, height))
    tile = np.zeros((height, height // 2 + 10), np.uint8)
    values = np.asarray(image)
    tile[: values.shape[0], : values.shape[1]] = values
    return tile
