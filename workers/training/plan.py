"""Which phantoms to render: one row per radiograph, grouped by patient, split by patient.

The plan is a function of the seed and the scale; rendering it in any order gives the same pictures.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from workers.training.phantom.anatomy import BRACE, FUSION, GROWTH, STANDING, TETHER, Patient, sample_patient
from workers.training.phantom.radiograph import LUMBAR, THORACIC, THORACOLUMBAR, WHOLE, Exposure
from workers.training.phantom.strangers import STRANGERS

SPLITS = ("train", "tune", "calibrate", "test")
_SHARES = (0.60, 0.10, 0.15, 0.15)
GATE_ROWS = 512
STRANGER_ROWS = 384


@dataclass(frozen=True)
class Row:
    """One radiograph to render. keep_pixels: its vertebrae will be cropped, so the full matrix is cached."""

    patient_seed: int
    split: str
    state: str
    child: bool
    fractures: int
    exposure: Exposure
    keep_pixels: bool

    def patient(self) -> Patient:
        return sample_patient(self.patient_seed, state=self.state, child=self.child, fractures=self.fractures)


@dataclass(frozen=True)
class StrangerRow:
    kind: str
    seed: int
    split: str


@dataclass(frozen=True)
class Scale:
    """How many of each: spot laterals, training-only laterals with many fractures, whole laterals at crop resolution, gate films per view and state, strangers."""

    spots: int
    dense: int
    wholes: int
    frontal: int
    lateral: int
    standing_lateral: int
    strangers: int


SCALES = {
    "full": Scale(
        spots=720, dense=480, wholes=260, frontal=230, lateral=210, standing_lateral=60, strangers=70
    ),
    "small": Scale(spots=60, dense=30, wholes=20, frontal=20, lateral=20, standing_lateral=10, strangers=6),
    "tiny": Scale(spots=10, dense=3, wholes=3, frontal=3, lateral=3, standing_lateral=1, strangers=1),
}


def _split(rng: np.random.Generator) -> str:
    return str(rng.choice(np.array(SPLITS), p=_SHARES))


def _fracture_count(rng: np.random.Generator) -> int:
    return int(rng.choice(4, p=[0.35, 0.35, 0.2, 0.1]))


def _spot_field(rng: np.random.Generator) -> str:
    return str(rng.choice([LUMBAR, THORACOLUMBAR, THORACIC], p=[0.4, 0.45, 0.15]))


def _spots(rng: np.random.Generator, count: int, first: int) -> Iterator[Row]:
    """Adults with a lateral of part of the spine: where fractures are looked for."""
    for index in range(count):
        field = _spot_field(rng)
        state = str(rng.choice([STANDING, BRACE, FUSION], p=[0.88, 0.05, 0.07]))
        ratio = float(rng.uniform(0.8, 1.0)) if state == BRACE else None
        exposure = Exposure("LATERAL", field, pixel_mm=float(rng.uniform(0.55, 0.75)), width_ratio=ratio)
        yield Row(first + index, _split(rng), state, False, _fracture_count(rng), exposure, True)


def _dense(rng: np.random.Generator, count: int, first: int) -> Iterator[Row]:
    """Training patients with three to five fractures each; tuning, calibration and test keep a natural count."""
    for index in range(count):
        exposure = Exposure("LATERAL", _spot_field(rng), pixel_mm=float(rng.uniform(0.55, 0.75)))
        yield Row(first + index, "train", STANDING, False, int(rng.integers(3, 6)), exposure, True)


def _wholes(rng: np.random.Generator, count: int, first: int) -> Iterator[Row]:
    for index in range(count):
        state = str(rng.choice([STANDING, BRACE, FUSION, GROWTH, TETHER], p=[0.6, 0.1, 0.1, 0.1, 0.1]))
        child = state in (GROWTH, TETHER) or (state != STANDING and rng.random() < 0.5)
        exposure = Exposure("LATERAL", WHOLE, pixel_mm=float(rng.uniform(0.7, 0.9)))
        yield Row(first + index, _split(rng), state, bool(child), _fracture_count(rng), exposure, True)


def _gate_exposure(rng: np.random.Generator, view: str, state: str) -> Exposure:
    """Partial fields only where the state is visible in them."""
    if state in (GROWTH, TETHER) or rng.random() < 0.6:
        return Exposure(view, WHOLE, rows=GATE_ROWS)
    field = _spot_field(rng) if state == STANDING else str(rng.choice([LUMBAR, THORACOLUMBAR]))
    ratio = float(rng.uniform(0.8, 1.0)) if state == BRACE else None
    return Exposure(view, field, rows=GATE_ROWS, width_ratio=ratio)


def _gate_films(rng: np.random.Generator, scale: Scale, first: int) -> Iterator[Row]:
    seed = first
    for view, per_state in (("AP", scale.frontal), ("LATERAL", scale.lateral)):
        for state in (STANDING, BRACE, FUSION, GROWTH, TETHER):
            count = scale.standing_lateral if (view, state) == ("LATERAL", STANDING) else per_state
            for _ in range(count):
                child = bool(rng.random() < (1.0 if state in (GROWTH, TETHER) else 0.6))
                fractures = 0 if child else int(rng.integers(0, 2))
                yield Row(seed, _split(rng), state, child, fractures, _gate_exposure(rng, view, state), False)
                seed += 1


def radiographs(seed: int, scale: Scale) -> list[Row]:
    """All phantom films of a run; a patient seed occurs once, so a split by film is a split by patient."""
    rng = np.random.default_rng([seed, 11])
    base = seed * 1_000_000
    rows = [*_spots(rng, scale.spots, base), *_wholes(rng, scale.wholes, base + 100_000)]
    rows += _dense(rng, scale.dense, base + 300_000)
    return [*rows, *_gate_films(rng, scale, base + 200_000)]


def strangers(seed: int, scale: Scale) -> list[StrangerRow]:
    rng = np.random.default_rng([seed, 13])
    base = seed * 1_000_000
    return [
        StrangerRow(kind, base + index, _split(rng))
        for kind in sorted(STRANGERS)
        for index in range(scale.strangers)
    ]
