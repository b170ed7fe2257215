"""Write a phantom data set as a site's would be: DICOM files, a label CSV with exact truth, and the dataset made of both.

Below the folder: dicom/, labels.csv, dataset/ (manifest and files). The same task, seed, number and difficulty give
the same images, labels and manifest, byte for byte (held by a test); files.json names the folder and salt is of the request.
"""

from __future__ import annotations

import csv
import datetime
import hashlib
import json
import math
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from triage.domain.errors import Conflict
from workers.dataset.examples import CORNERS
from workers.models.locate import axis_angles
from workers.training.phantom.radiograph import Radiograph, render
from workers.training.phantom.scanner import Slice, scan
from workers.training.phantom.signal import MarrowPatient
from workers.training.phantom_dicom import FilmHeader, Identity, film_dataset
from workers.training.phantom_mr import THICKNESS_MM, series
from workers.training.phantom_sets import Member, members

Echo = Callable[[str], None]
Rows = list[dict[str, str]]
_FIRST_DAY = datetime.datetime(2026, 1, 5, 8, 0, tzinfo=datetime.UTC)
_POSITIONS = {"AP": "AP", "LATERAL": "LL"}
REQUEST = "phantoms.json"


def write_set(
    task: str, out: Path, *, patients: int, seed: int, difficulty: str, processes: int, echo: Echo
) -> Path:
    """Write the set unless the folder holds it already; returns the dataset's folder. Raises Conflict for another set."""
    request = {"task": task, "patients": patients, "seed": seed, "difficulty": difficulty}
    noted = out / REQUEST
    if noted.exists():
        if json.loads(noted.read_text()) != request:
            raise Conflict("phantoms", f"{out} holds other phantoms than these: name another folder")
        echo(f"using the phantoms in {out}")
        return out / "dataset"
    (out / "dicom").mkdir(parents=True, exist_ok=True)
    rows = _rendered(
        [(one, str(out / "dicom")) for one in members(task, seed, patients, difficulty)], processes, echo
    )
    _write_labels(out / "labels.csv", rows)
    from workers.dataset.build import build
    from workers.dataset.source import from_folder

    asked = json.dumps(request)
    # No secret: nobody is behind these hashes, and a random one would make another manifest on every machine.
    salt = hashlib.sha256(asked.encode()).hexdigest().encode()
    source = from_folder(out / "dicom")
    build(source, out / "labels.csv", out / "dataset", seed=seed, leave_out=False, salt=salt)
    noted.write_text(asked)
    return out / "dataset"


def _rendered(tasks: Sequence[tuple[Member, str]], processes: int, echo: Echo) -> Rows:
    start, rows, films = time.monotonic(), [], 0
    for done, found in enumerate(_results(tasks, processes), 1):
        rows += found
        films += len({row["sop_instance_uid"] for row in found})
        if done % max(1, len(tasks) // 10) == 0 or done == len(tasks):
            echo(f"phantoms: {done}/{len(tasks)} patients, {films / (time.monotonic() - start):.1f} images/s")
    return rows


def _results(tasks: Sequence[tuple[Member, str]], processes: int) -> Iterator[Rows]:
    if processes <= 1:
        yield from map(_write_member, tasks)
        return
    with ProcessPoolExecutor(processes) as pool:
        yield from pool.map(_write_member, tasks, chunksize=2)


def _write_member(task: tuple[Member, str]) -> Rows:
    member, folder = task
    if member.sick is not None:
        return _write_slice(member, member.sick, Path(folder))
    rows: Rows = []
    for number, exposure in enumerate(member.exposures, 1):
        film = render(member.patient, exposure)
        header = FilmHeader(number, "DX", film.view, _POSITIONS[film.view], film.spacing_mm)
        data = film_dataset(film.pixels, identity_of(member), header)
        data.save_as(Path(folder) / f"{member.index:05d}-{number}.dcm", enforce_file_format=True)
        rows += _rows(member, film, str(data.SOPInstanceUID))
    return rows


def _write_slice(member: Member, sick: MarrowPatient, folder: Path) -> Rows:
    """One slice and the rows of its bodies; an image without a row is not written."""
    (seen,) = scan(sick, (member.offset_mm,))
    (data,) = series([seen], identity_of(member))
    groups = {f"group_{name}": value for name, value in member.groups.items()}
    base = {"sop_instance_uid": str(data.SOPInstanceUID), **groups}
    rows = [{**base, **row} for row in _slice_rows(member, seen)]
    if rows:
        data.save_as(folder / f"{member.index:05d}-1.dcm", enforce_file_format=True)
    return rows


def _slice_rows(member: Member, seen: Slice) -> Iterator[dict[str, str]]:
    """Task marrow: the fractured bodies, the task being fresh or old, given a fracture. Else all, with their corners.

    Their angle is then the one that a locator would give them.
    """
    if member.task == "marrow":
        for body in seen.bodies:
            if body.kind in ("fresh", "old"):
                yield {"level": body.level, "label": body.kind, **_place(body.centre, body.angle)}
        return
    bodies = sorted(seen.bodies, key=lambda body: body.centre)
    middles = np.array([body.corners for body in bodies], float).reshape(-1, 4, 2).mean(axis=1)
    for body, middle, angle in zip(bodies, middles, axis_angles(middles), strict=True):
        place = _place((float(middle[0]), float(middle[1])), float(angle))
        yield {"level": body.level, "label": body.kind, **place, **_corner_cells(body.corners)}


def write_series(
    out: Path, *, patients: int, slices: int, seed: int, difficulty: str, echo: Echo
) -> list[Path]:
    """One folder per patient with a sagittal T1 series, its slices THICKNESS_MM + 10 % apart about the middle."""
    folders = []
    offsets = (np.arange(slices) - (slices - 1) / 2) * THICKNESS_MM * 1.1
    start = time.monotonic()
    for member in members("marrow", seed, patients, difficulty):
        assert member.sick is not None
        folder = out / f"{member.index + 1:02d}-{member.sick.mimic}"
        folder.mkdir(parents=True, exist_ok=True)
        taken = scan(member.sick, tuple(float(offset) for offset in offsets))
        for number, data in enumerate(series(taken, identity_of(member)), 1):
            data.save_as(folder / f"{number:02d}.dcm", enforce_file_format=True)
        folders.append(folder)
        truth = ", ".join(
            f"{level} {change.kind}"
            for level, change in member.patient.deformities.items()
            if change.kind != "normal"
        )
        rate = len(folders) * slices / (time.monotonic() - start)
        echo(f"{folder}: {truth}; {rate:.1f} images/s")
    return folders


def identity_of(member: Member) -> Identity:
    """A made-up person; children were born later."""
    year = 2012 - member.index % 6 if member.patient.child else 1940 + member.index % 40
    born = datetime.date(year, 1 + member.index % 12, 1 + member.index % 28)
    when = _FIRST_DAY + datetime.timedelta(hours=member.index)
    sex = "FM"[member.index % 3 == 0]
    key = f"set {member.task} {member.patient.seed}"
    return Identity(key, member.index + 1, f"PHANTOM^{member.task.upper()}", sex, born, when, "XR SPINE")


def _rows(member: Member, film: Radiograph, uid: str) -> Rows:
    groups = {f"group_{name}": value for name, value in member.groups.items()} | {"group_view": film.view}
    base = {"sop_instance_uid": uid, **groups}
    if member.task == "alignment":
        return [{**base, **corners} for corners in _corner_rows(film)]
    if member.task == "vertebra":
        return [{**base, **body} for body in _body_rows(film)]
    return [{**base, "label": member.label or _fracture_label(film)}]


def _fracture_label(film: Radiograph) -> str:
    """What can be seen on the film counts, not what the patient has elsewhere."""
    return "fresh" if any(level.kind == "fresh" for level in film.levels) else "not-fresh"


def _body_rows(film: Radiograph) -> Iterator[dict[str, str]]:
    """Thoracic and lumbar bodies without metal, with the angle that a locator would give them."""
    levels = film.levels[::-1]
    angles = axis_angles(np.array([level.centre for level in levels], float).reshape(-1, 2))
    for level, angle in zip(levels, angles, strict=True):
        if level.level[0] != "C" and not level.hardware:
            yield {
                "level": level.level,
                "label": level.kind,
                **_place(level.centre, float(angle)),
            }


def _place(centre: tuple[float, float], angle: float) -> dict[str, str]:
    return {
        "truth_row": f"{centre[0]:.3f}",
        "truth_column": f"{centre[1]:.3f}",
        "truth_angle": f"{math.degrees(angle):.3f}",
    }


def _corner_rows(film: Radiograph) -> Iterator[dict[str, str]]:
    """Thoracic and lumbar bodies, and S1 from the side."""
    for level in film.levels:
        if level.level[0] != "C":
            yield {"level": level.level, **_corner_cells(level.corners)}
    if film.sacrum:
        yield {"level": "S1", **_corner_cells(film.sacrum)}


def _corner_cells(corners: Sequence[tuple[float, float]]) -> dict[str, str]:
    return {
        f"truth_{corner}_{axis}": f"{value:.3f}"
        for corner, point in zip(CORNERS, corners, strict=True)
        for axis, value in zip(("row", "column"), point, strict=True)
    }


def _write_labels(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    columns = list(dict.fromkeys(name for row in rows for name in row))
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, columns, restval="")
        writer.writeheader()
        writer.writerows(rows)
