"""Read a rendered cache: films with their truth, strangers, and vertebrae to crop."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workers.models.locate import axis_angles
from workers.models.preprocess import GrayImage
from workers.training.tasks import STATES, VIEWS

Byte = NDArray[np.uint8]
KINDS = ("normal", "old", "fresh")
_STATE_KEYS = ("STANDING", "BRACE", "FUSION", "GROWTH", "TETHER")
assert len(_STATE_KEYS) == len(STATES)


@dataclass(frozen=True)
class Body:
    """One vertebral body to crop: source pixels, axis angle in radians, index into KINDS."""

    film: int
    level: str
    centre: tuple[float, float]
    angle: float
    kind: int
    fresh_cue: float
    hardware: bool


class Cache:
    """Arrays stay on disk until asked for."""

    def __init__(self, root: Path) -> None:
        self.root = root
        raw = (root / "manifest.json").read_bytes()
        self.digest = hashlib.sha256(raw).hexdigest()
        manifest = json.loads(raw)
        self.seed = int(manifest["seed"])
        self.films: list[Mapping[str, Any]] = manifest["films"]
        self.strangers: list[Mapping[str, Any]] = manifest["strangers"]
        self._pixels: dict[int, Byte] = {}

    @cached_property
    def units(self) -> Byte:
        loaded: Byte = np.load(self.root / "units.npy")
        return loaded

    @cached_property
    def stranger_units(self) -> Byte:
        loaded: Byte = np.load(self.root / "strangers.npy")
        return loaded

    def film_indices(self, split: str, *, view: str | None = None, kept: bool = False) -> NDArray[np.intp]:
        chosen = [
            index
            for index, film in enumerate(self.films)
            if film["split"] == split
            and (view is None or film["view"] == view)
            and (film["kept"] or not kept)
        ]
        return np.array(chosen, np.intp)

    def stranger_indices(self, split: str) -> NDArray[np.intp]:
        return np.array([i for i, row in enumerate(self.strangers) if row["split"] == split], np.intp)

    def category(self, index: int) -> int:
        """Index into the gate's ten labels."""
        film = self.films[index]
        return VIEWS.index(film["view"]) * len(_STATE_KEYS) + _STATE_KEYS.index(film["state"])

    def centres(self, index: int) -> NDArray[np.float64]:
        """Visible bodies' centres in the prepared image, head first, [n, 2] (row, column)."""
        film = self.films[index]
        points = np.array([level["centre"] for level in reversed(film["levels"])], float).reshape(-1, 2)
        prepared: NDArray[np.float64] = (points - np.array(film["offset"])) / np.array(film["scale"])
        return prepared

    def film(self, index: int) -> GrayImage:
        """The full matrix of a kept film."""
        if index not in self._pixels:
            self._pixels[index] = np.load(self.root / "films" / f"{index}.npy")
        spacing = float(self.films[index]["spacing_mm"])
        return GrayImage(self._pixels[index], (spacing, spacing), 8)

    def bodies(self, indices: NDArray[np.intp]) -> list[Body]:
        """Thoracic and lumbar bodies of kept films."""
        found = []
        for index in indices:
            levels = self.films[index]["levels"][::-1]
            points = np.array([level["centre"] for level in levels], float).reshape(-1, 2)
            for level, angle in zip(levels, axis_angles(points), strict=True):
                if level["level"][0] != "C":
                    found.append(_body(int(index), level, float(angle)))
        return found


def _body(film: int, level: Mapping[str, Any], angle: float) -> Body:
    row, column = level["centre"]
    return Body(
        film, level["level"], (row, column), angle, KINDS.index(level["kind"]), level["fresh_cue"], level["hardware"]
    )  # fmt: skip
