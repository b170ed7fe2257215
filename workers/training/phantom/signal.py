"""What the marrow of a body shows on a T1-weighted MR image: fresh oedema, the fat of an old fracture, and their mimics.

Ranges are textbook ranges (models.md 4.5) and overlap on purpose: fresh oedema may fill a tenth of the body or all of it and
be hardly darker than marrow; one old fracture in seven keeps a dark zone, some lie beside Modic changes or an infected disc,
and red marrow darkens everything, so no reader can be perfect. Signals are fractions of the patient's own marrow signal.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from workers.training.phantom.anatomy import FRACTURE_LEVELS, Patient, sample_fracture, sample_patient

Rng = np.random.Generator
MIMICS = ("none", "modic-1", "modic-2", "infection", "metastases", "haemangioma")


@dataclass(frozen=True)
class Zone:
    """A zone of changed signal along an endplate: extent as a fraction of the height, ratio to normal marrow."""

    upper: bool
    extent: float
    ratio: float
    edge_mm: float
    wave: float


@dataclass(frozen=True)
class Marrow:
    """One body. line is the depth of the dark fracture line 0..1, bulge in mm, spots (y, z, radius) as fractions."""

    zones: tuple[Zone, ...] = ()
    line: float = 0.0
    endplate_line: float = 0.0
    overall: float = 1.0
    bulge_mm: float = 0.0
    spots: tuple[tuple[float, float, float], ...] = ()
    spot_ratio: float = 1.0
    striped: bool = False


@dataclass(frozen=True)
class MarrowPatient:
    """A patient with the signal of every changed body; discs are levels whose disc below is infected."""

    patient: Patient
    marrow: Mapping[str, Marrow]
    discs: frozenset[str]
    mimic: str
    red: float


def _fresh(rng: Rng, difficulty: str) -> Marrow:
    weak = rng.random() < {"easy": 0.0, "standard": 0.3, "hard": 0.5}[difficulty]
    extent = float(rng.uniform(0.08, 0.3) if weak else rng.uniform(0.3, 1.1))
    ratio = float(rng.uniform(0.72, 0.95) if weak else rng.uniform(0.38, 0.75))
    zone = Zone(
        bool(rng.random() < 0.8), extent, ratio, float(rng.uniform(1.2, 3.0)), float(rng.uniform(0, 1))
    )
    line = float(rng.uniform(0, 0.8)) if rng.random() < 0.7 else 0.0
    return Marrow((zone,), line=line, bulge_mm=float(rng.uniform(0, 1.5)))


def _old(rng: Rng, difficulty: str) -> Marrow:
    zones: tuple[Zone, ...] = ()
    if rng.random() < {"easy": 0.0, "standard": 0.15, "hard": 0.3}[difficulty]:
        zones = (Zone(bool(rng.random() < 0.8), float(rng.uniform(0.1, 0.45)), float(rng.uniform(0.55, 0.92)),
                      float(rng.uniform(1.2, 3.0)), float(rng.uniform(0, 1))),)  # fmt: skip
    return Marrow(zones, endplate_line=float(rng.uniform(0, 0.6)), overall=float(rng.uniform(0.94, 1.15)))


def _modic(rng: Rng, upper: bool, ratio: tuple[float, float]) -> Marrow:
    zone = Zone(
        upper, float(rng.uniform(0.12, 0.4)), float(rng.uniform(*ratio)), float(rng.uniform(1, 2.5)), 0.5
    )
    return Marrow((zone,))


def _mimics(rng: Rng, mimic: str) -> tuple[dict[str, Marrow], frozenset[str]]:
    """Bodies (and discs) that a mimic changes; levels count from the head."""
    place = int(rng.integers(2, len(FRACTURE_LEVELS) - 1))
    above, below = FRACTURE_LEVELS[place], FRACTURE_LEVELS[place + 1]
    if mimic in ("modic-1", "modic-2"):
        ratio = (0.5, 0.8) if mimic == "modic-1" else (1.2, 1.6)
        return {above: _modic(rng, False, ratio), below: _modic(rng, True, ratio)}, frozenset()
    if mimic == "infection":
        sides = {above: False, below: True}
        zones = {
            level: Marrow(
                (Zone(upper, float(rng.uniform(0.4, 1.0)), float(rng.uniform(0.4, 0.65)), 2.0, 0.3),)
            )
            for level, upper in sides.items()
        }
        return zones, frozenset({above})
    if mimic == "metastases":
        levels = rng.choice(np.array(FRACTURE_LEVELS), int(rng.integers(2, 5)), replace=False)
        return {str(level): _spots(rng, float(rng.uniform(0.42, 0.62)), 3) for level in levels}, frozenset()
    if mimic == "haemangioma":
        return {above: replace(_spots(rng, 1.6, 1), striped=True)}, frozenset()
    return {}, frozenset()


def _spots(rng: Rng, ratio: float, most: int) -> Marrow:
    count = int(rng.integers(1, most + 1))
    spots = tuple(
        (float(rng.normal(0, 0.4)), float(rng.normal(0, 0.25)), float(rng.uniform(0.22, 0.6)))
        for _ in range(count)
    )
    return Marrow(spots=spots, spot_ratio=ratio)


def sample_marrow(seed: int, *, fractures: int, fresh_share: float, difficulty: str) -> MarrowPatient:
    """An adult with fractured bodies of known age; mimics more often the harder it is to be."""
    rng = np.random.default_rng([seed, 6])
    patient = sample_patient(seed, fractures=0)
    weights = np.array([1, 1, 2, 2, 3, 5, 8, 9, 6, 4, 3, 2], float)
    levels = rng.choice(np.array(FRACTURE_LEVELS), fractures, replace=False, p=weights / weights.sum())
    deformities, marrow = dict(patient.deformities), dict[str, Marrow]()
    mimic = str(rng.choice(MIMICS[1:])) if rng.random() < _mimic_share(difficulty) else "none"
    changed, discs = _mimics(rng, mimic)
    for level in levels:
        kind = "fresh" if rng.random() < fresh_share else "old"
        deformities[str(level)] = sample_fracture(rng, kind)
        own = _fresh(rng, difficulty) if kind == "fresh" else _old(rng, difficulty)
        beside = changed.get(str(level))
        # An old fracture beside an infected or degenerate disc keeps both.
        marrow[str(level)] = own if beside is None else replace(own, zones=own.zones + beside.zones)
    red = float(rng.uniform(0, 1)) if difficulty != "easy" and rng.random() < 0.3 else 0.0
    patient = replace(
        patient, deformities=deformities, curves=tuple((a * 0.4, m, w) for a, m, w in patient.curves)
    )
    return MarrowPatient(patient, {**changed, **marrow}, discs, mimic, red)


def _mimic_share(difficulty: str) -> float:
    return {"easy": 0.0, "standard": 0.35, "hard": 0.65}[difficulty]
