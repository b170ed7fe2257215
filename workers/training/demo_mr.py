"""The demonstration's MR study: a sagittal T1-weighted series of a phantom with one fresh fracture, chosen by its true signs."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from workers.training.phantom.scanner import scan
from workers.training.phantom.signal import MarrowPatient, sample_marrow
from workers.training.phantom_dicom import Identity
from workers.training.phantom_mr import THICKNESS_MM, series

SLICES = 11
# The phantom's middle is not the stack's: which slice is mid-sagittal has to be found.
_OFF_CENTRE_MM = 6.0
_LEVELS = ("T11", "T12", "L1", "L2")


def textbook_oedema(first_seed: int) -> MarrowPatient:
    """The first patient from a seed whose one fresh fracture has plainly dark marrow, at a level that is in the field."""
    seed = first_seed
    while True:
        sick = sample_marrow(seed, fractures=1, fresh_share=1.0, difficulty="easy")
        level = next(level for level, change in sick.patient.deformities.items() if change.kind == "fresh")
        zone = sick.marrow[level].zones[0]
        if level in _LEVELS and zone.ratio < 0.6 and zone.extent > 0.5 and sick.patient.body_mass_index < 27:
            return sick
        seed += 1


def write_series(folder: Path, identity: Identity, seed: int) -> list[Path]:
    """Write the slices of one series; returns the files."""
    folder.mkdir(parents=True, exist_ok=True)
    places = (np.arange(SLICES) - (SLICES - 1) / 2) * THICKNESS_MM * 1.1 + _OFF_CENTRE_MM
    taken = scan(textbook_oedema(seed), tuple(float(place) for place in places))
    written = []
    for number, data in enumerate(series(taken, identity), 1):
        path = folder / f"{number:02d}-sag-t1.dcm"
        data.save_as(path, enforce_file_format=True)
        written.append(path)
    return written
