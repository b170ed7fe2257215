"""Render a plan into a cache: what the networks will see, prepared by the same code that serves, with its truth.

Cache layout below a directory: manifest.json (one record per film), units.npy (uint8 [n, h, w]), films/N.npy (uint8
full matrix where vertebrae are cropped). uint8 holds values in 0..1 times 255.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workers.models.preprocess import GrayImage, prepare_unit
from workers.training.phantom.radiograph import Radiograph, render
from workers.training.phantom.strangers import draw
from workers.training.plan import STRANGER_ROWS, Row, Scale, StrangerRow, radiographs, strangers
from workers.training.tasks import GATE

Byte = NDArray[np.uint8]
Echo = Callable[[str], None]


def to_bytes(values: NDArray[np.float32]) -> Byte:
    return np.asarray(np.round(np.clip(values, 0, 1) * 255), np.uint8)


def _gate_state(film: Radiograph) -> str:
    """The operative state as it can be seen: implants outside the field do not count."""
    implanted = film.patient.state in ("FUSION", "GROWTH", "TETHER")
    if implanted and not any(level.hardware for level in film.levels):
        return "STANDING"
    return film.patient.state


def film_record(film: Radiograph, row: Row, back: Any) -> dict[str, Any]:
    """The truth beside a film, as JSON."""
    return {
        "patient": row.patient_seed,
        "split": row.split,
        "view": film.view,
        "state": _gate_state(film),
        "coverage": film.coverage,
        "child": film.patient.child,
        "body_mass_index": round(film.patient.body_mass_index, 2),
        "spacing_mm": film.spacing_mm,
        "shape": list(film.pixels.shape),
        "scale": [back.matrix[0][0], back.matrix[1][1]],
        "offset": list(back.offset),
        "levels": [asdict(level) for level in film.levels],
        "kept": row.keep_pixels,
    }


def _render_row(task: tuple[int, Row, str]) -> tuple[int, Byte, dict[str, Any]]:
    index, row, films = task
    film = render(row.patient(), row.exposure)
    unit, back = prepare_unit(GrayImage(film.pixels), GATE.preprocessing)
    if row.keep_pixels:
        np.save(Path(films) / f"{index}.npy", to_bytes(film.pixels))
    return index, to_bytes(unit), film_record(film, row, back)


def _render_stranger(task: tuple[int, StrangerRow, str]) -> tuple[int, Byte, dict[str, Any]]:
    index, row, _ = task
    unit, _ = prepare_unit(GrayImage(draw(row.kind, row.seed, STRANGER_ROWS)), GATE.preprocessing)
    return index, to_bytes(unit), {"kind": row.kind, "split": row.split, "patient": row.seed}


def _collect(
    worker: Callable[[Any], tuple[int, Byte, dict[str, Any]]],
    tasks: Sequence[Any],
    processes: int,
    what: str,
    echo: Echo,
) -> tuple[Byte, list[dict[str, Any]]]:
    units = np.zeros((len(tasks), GATE.preprocessing.height, GATE.preprocessing.width), np.uint8)
    records: list[dict[str, Any]] = [{} for _ in tasks]
    start = time.monotonic()
    for done, (index, unit, record) in enumerate(_results(worker, tasks, processes), 1):
        units[index], records[index] = unit, record
        if done % max(1, len(tasks) // 20) == 0 or done == len(tasks):
            echo(f"{what}: {done}/{len(tasks)}, {done / (time.monotonic() - start):.1f} images/s")
    return units, records


def _results(
    worker: Callable[[Any], tuple[int, Byte, dict[str, Any]]], tasks: Sequence[Any], processes: int
) -> Iterable[tuple[int, Byte, dict[str, Any]]]:
    if processes <= 1:
        yield from map(worker, tasks)
        return
    with ProcessPoolExecutor(processes) as pool:
        yield from pool.map(worker, tasks, chunksize=4)


def render_cache(root: Path, seed: int, scale: Scale, *, processes: int, echo: Echo) -> str:
    """Render everything and return the digest of the manifest."""
    films = root / "films"
    films.mkdir(parents=True, exist_ok=True)
    rows = [(index, row, str(films)) for index, row in enumerate(radiographs(seed, scale))]
    units, records = _collect(_render_row, rows, processes, "phantom films", echo)
    np.save(root / "units.npy", units)
    others = [(index, row, "") for index, row in enumerate(strangers(seed, scale))]
    other_units, other_records = _collect(_render_stranger, others, processes, "strangers", echo)
    np.save(root / "strangers.npy", other_units)
    manifest = {"seed": seed, "films": records, "strangers": other_records}
    raw = json.dumps(manifest, sort_keys=True).encode()
    (root / "manifest.json").write_bytes(raw)
    return hashlib.sha256(raw).hexdigest()
