"""Tiny made-up radiographs on disk with a label CSV, for the tests of datasets."""

from __future__ import annotations

import csv
import datetime
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from pydicom.dataset import FileDataset

from workers.training.phantom_dicom import FilmHeader, Identity, film_dataset

SENTINEL = "PHANTOM^SENTINEL"


def film(patient: int, number: int = 1, *, seed: int | None = None) -> FileDataset:
    """Return a noise film; the seed decides the pixels, so two films of one seed are the same picture."""
    rng = np.random.default_rng(1000 * patient + number if seed is None else seed)
    born, taken = datetime.date(1951, 3, 2), datetime.datetime(2026, 11, 20, 8, 0)
    identity = Identity(f"dataset {patient}", patient, SENTINEL, "F", born, taken, "XR SPINE")
    pixels = rng.random((24, 16), np.float32)
    return film_dataset(pixels, identity, FilmHeader(number, "DX", "LATERAL", "LL", 0.6))


def save(folder: Path, films: Sequence[FileDataset]) -> Path:
    """Write each film under a name that holds its patient's, as site folders do."""
    folder.mkdir(parents=True, exist_ok=True)
    for index, data in enumerate(films):
        data.save_as(folder / f"{data.PatientName}-{index}.dcm", enforce_file_format=True)
    return folder


def write_labels(path: Path, rows: Sequence[Mapping[str, object]]) -> Path:
    """Write a label CSV; the first row names the columns."""
    with path.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def by_patient(labels: Mapping[int, str]) -> list[dict[str, object]]:
    """Return rows keyed by Patient ID."""
    return [{"patient_id": f"PHANTOM-{number:04d}", "label": label} for number, label in labels.items()]
