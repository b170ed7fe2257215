"""Phantom radiographs as DICOM data sets for the tests, rendered once per test process."""

from __future__ import annotations

import datetime
import functools

from pydicom.dataset import FileDataset

from workers.training.demo import textbook_fracture
from workers.training.phantom.radiograph import THORACOLUMBAR, Exposure, render
from workers.training.phantom_dicom import FilmHeader, Identity, film_dataset

ROWS = 1200
POSITIONS = {"AP": "AP", "LATERAL": "LL"}


@functools.cache
def fracture_pair(seed: int = 424_200_000) -> tuple[FileDataset, ...]:
    """Return an AP and a lateral radiograph of one phantom patient with a fresh fracture."""
    patient = textbook_fracture(seed)
    born, taken = datetime.date(1950, 1, 2), datetime.datetime(2026, 11, 20, 8, 0)
    identity = Identity(str(seed), 1, "PHANTOM^SENTINEL", "F", born, taken, "XR THORACOLUMBAR SPINE 2V")
    films = []
    for number, (view, position) in enumerate(POSITIONS.items(), start=1):
        picture = render(patient, Exposure(view, THORACOLUMBAR, rows=ROWS, width_ratio=0.7))
        header = FilmHeader(number, "DX", view, position, picture.spacing_mm)
        films.append(film_dataset(picture.pixels, identity, header))
    return tuple(films)
