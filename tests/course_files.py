"""Small made-up datasets that a network can learn something from, for the tests of training."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import FileDataset

from tests.dataset_files import SENTINEL, save, write_labels
from workers.dataset.build import build
from workers.dataset.load import Dataset
from workers.dataset.source import from_folder
from workers.training.phantom_dicom import FilmHeader, Identity, film_dataset

LABELS = ("not-fresh", "fresh")


def spotted(patient: int, number: int, view: str, bright: bool, maker: str, times: int = 1) -> FileDataset:
    """A noise film of 48 x 32 pixels, or times as many, with a bright spot in its upper half, or its lower."""
    rng = np.random.default_rng(1000 * patient + number)
    # Smooth enough not to be refused as noise, as different as two films are.
    slope = np.linspace(0.0, 0.35, 48, dtype=np.float32)[:, None] * np.linspace(
        0.6, 1.0, 32, dtype=np.float32
    )
    pixels = slope + rng.random((48, 32), np.float32) * 0.1
    row = 8 if bright else 32
    pixels[row : row + 8, 10:22] += 0.5
    pixels = np.asarray(np.kron(pixels, np.ones((times, times))), np.float32)
    return shown(pixels, patient, number, view, maker, 0.6 / times)


def shown(
    pixels: NDArray[np.float32], patient: int, number: int, view: str, maker: str, spacing_mm: float
) -> FileDataset:
    """These pixels as a patient's film."""
    born, taken = datetime.date(1951, 3, 2), datetime.datetime(2026, 11, 20, 8, 0)
    identity = Identity(f"course {patient}", patient, SENTINEL, "F", born, taken, "XR SPINE")
    position = {"AP": "AP", "LATERAL": "LL"}[view]
    data = film_dataset(pixels, identity, FilmHeader(number, "DX", view, position, spacing_mm))
    data.Manufacturer = maker
    return data


def image_dataset(root: Path, patients: int = 60, makers: Sequence[str] = ("SITE WORKS",)) -> Path:
    """One lateral film per patient, of the makers in turn; every third is fresh."""
    films = [spotted(p, 1, "LATERAL", p % 3 == 0, makers[p % len(makers)]) for p in range(1, patients + 1)]
    rows: list[dict[str, object]] = [
        {"sop_instance_uid": str(film.SOPInstanceUID), "label": LABELS[p % 3 == 0]}
        for p, film in enumerate(films, 1)
    ]
    return built(root, films, rows)


def built(root: Path, films: list[FileDataset], rows: list[dict[str, object]]) -> Path:
    """Save, label and build; returns the dataset's folder."""
    folder = save(root / "dicom", films)
    build(from_folder(folder), write_labels(root / "labels.csv", rows), root / "set", seed=2, leave_out=False)
    return root / "set"


def corner_cells(corners: list[tuple[float, float]]) -> dict[str, object]:
    """Four corners as the label CSV has them, upper left first, clockwise."""
    names = ("ul", "ur", "lr", "ll")
    pairs = zip(names, corners, strict=True)
    return {
        f"truth_{n}_{axis}": v for n, point in pairs for axis, v in zip(("row", "column"), point, strict=True)
    }


def opened(folder: Path) -> Dataset:
    return Dataset(folder)
