"""A dataset prepared once for a network: arrays on disk, so that a site's ten thousand films need no memory.

Promise: prepared by the functions that serve; used again only for the same dataset, settings and preparation by this code.
Below the folder: units.npy uint8 [n, height, width, channels] and index.json.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from triage.domain.errors import Refused, Unprocessable
from workers.dataset.examples import Example, Gathered, Seen, see
from workers.dataset.load import Dataset
from workers.models.preprocess import AffineMap, GrayImage, PreprocessSpec, crop_unit, prepare_unit
from workers.training.card import MIXED, PHANTOMS, SITE

Watch = Callable[[Sequence[Any], str], Iterable[Any]]
UNITS, INDEX = "units.npy", "index.json"


def unwatched(steps: Sequence[Any], what: str) -> Iterable[Any]:
    """Go through the steps and show nothing."""
    return steps


@dataclass(frozen=True)
class Shown:
    """What the index keeps of one example beside its pixels."""

    corners: NDArray[np.float64]
    back: AffineMap
    spacing_mm: tuple[float, float] | None


@dataclass(frozen=True)
class Material:
    """units [n, h, w, channels] stand beside the examples; classes are in the order of the answers."""

    digest: str
    examples: tuple[Example, ...]
    units: NDArray[np.uint8]
    shown: tuple[Shown, ...]
    classes: tuple[str, ...]
    left_out: dict[str, int]
    origin: str

    @cached_property
    def labels(self) -> NDArray[np.intp]:
        return np.array([self.classes.index(one.label) if one.label else 0 for one in self.examples], np.intp)

    def rows(self, split: str) -> NDArray[np.intp]:
        return np.array([i for i, one in enumerate(self.examples) if one.split == split], np.intp)

    def patients(self, rows: NDArray[np.intp]) -> NDArray[np.str_]:
        return np.array([self.examples[i].patient for i in rows], np.str_)


def material(
    dataset: Dataset,
    gathered: Gathered,
    classes: Sequence[str],
    spec: PreprocessSpec,
    folder: Path,
    watch: Watch = unwatched,
) -> Material:
    """Prepared examples; what cannot be prepared is left out and counted. Raises Refused without any, or a split."""
    key = hashlib.sha256(
        f"{dataset.digest} {gathered.reads} {spec.to_mapping()} {probe(spec)}".encode()
    ).hexdigest()
    index = _index(folder, key)
    if index is None:
        index = _prepare(dataset, gathered, spec, folder, key, watch)
    kept = tuple(gathered.examples[i] for i in index["kept"])
    for split in ("train", "tune", "calibrate", "test"):
        if not any(one.split == split for one in kept):
            raise Refused("examples", f"nothing to read in the split {split}: the dataset is too small")
    units = np.load(folder / UNITS, mmap_mode="r")[: len(kept)]
    shown = tuple(_shown(record) for record in index["shown"])
    left_out = Counter(gathered.left_out) + Counter(index["left_out"])
    return Material(dataset.digest, kept, units, shown, tuple(classes), dict(left_out), _origin(kept))


def probe(spec: PreprocessSpec) -> str:
    """Digest of what this code makes of one image: another preparation must not find what the former one left."""
    rows, columns = np.mgrid[:96, :64]
    pixels = ((rows * 37 + columns * 101) % 251 + 3 * rows).astype(np.uint16)
    image = GrayImage(pixels, (0.7, 0.7))
    made = [prepare_unit(image, spec)[0]]
    if spec.spacing_mm is not None:
        made.append(crop_unit(image, (48.0, 30.0), 0.2, (0.7, 0.7), spec)[0])
    return hashlib.sha256(
        b"".join(np.round(unit * 255).astype(np.uint8).tobytes() for unit in made)
    ).hexdigest()


def _origin(kept: Sequence[Example]) -> str:
    phantom = {one.groups.get("scanner", "").startswith("PHANTOM") for one in kept}
    return MIXED if len(phantom) > 1 else PHANTOMS if True in phantom else SITE


def _index(folder: Path, key: str) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = json.loads((folder / INDEX).read_text())
    except (OSError, ValueError):
        return None
    return found if found.get("key") == key else None


def _prepare(
    dataset: Dataset, gathered: Gathered, spec: PreprocessSpec, folder: Path, key: str, watch: Watch
) -> dict[str, Any]:
    # Patients' pixels: for the account that trains and nobody else.
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    (folder / INDEX).unlink(missing_ok=True)
    examples = gathered.examples
    channels = 2 if len({case.sop_instance_uid for case in examples[0].cases}) == 2 else 1
    shape = (len(examples), spec.height, spec.width, channels)
    units = np.lib.format.open_memmap(folder / UNITS, "w+", np.uint8, shape)
    kept: list[int] = []
    shown: list[dict[str, Any]] = []
    left_out: Counter[str] = Counter()
    for place in watch(range(len(examples)), "preparing"):
        try:
            seen = see(dataset, examples[place], spec)
        except Unprocessable as error:
            left_out[error.reason] += 1
            continue
        units[len(kept)] = seen.unit
        kept.append(place)
        shown.append(_record(seen))
    units.flush()
    index = {"key": key, "kept": kept, "shown": shown, "left_out": dict(left_out)}
    partial = folder / f"{INDEX}.new"
    partial.write_text(json.dumps(index))
    os.replace(partial, folder / INDEX)
    return index


def _record(seen: Seen) -> dict[str, Any]:
    return {
        "corners": seen.corners.tolist(),
        "matrix": seen.back.matrix,
        "offset": seen.back.offset,
        "spacing_mm": seen.spacing_mm,
    }


def _shown(record: dict[str, Any]) -> Shown:
    (a, b), (c, d) = record["matrix"]
    row, column = record["offset"]
    spacing = record["spacing_mm"]
    return Shown(
        np.array(record["corners"], float).reshape(-1, 4, 2),
        AffineMap(((a, b), (c, d)), (row, column)),
        None if spacing is None else (float(spacing[0]), float(spacing[1])),
    )
