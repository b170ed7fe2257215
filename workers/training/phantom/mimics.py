"""Hard negatives: what looks like a fresh fracture and is none, and fractures that hardly look like one.

Textbook descriptions (models.md 4.3): Scheuermann's kyphosis (Sorensen 1964: three or more adjacent bodies wedged by 5
degrees), Schmorl's nodes, physiological wedging about the thoracolumbar junction, short bodies, mild losses of height.
Double contours by parallax come with the cone beam, the tilt and the turn of every film.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from workers.training.phantom.anatomy import FRACTURE_LEVELS, Deformity, Patient

NONE, SCHEUERMANN, NODES, WEDGING, SHORT = "none", "scheuermann", "nodes", "wedging", "short"
MIMICS = (NONE, SCHEUERMANN, NODES, WEDGING, SHORT)
_INTACT = Deformity("normal")
_FRACTURED = ("fresh", "old")


def _nodes(rng: np.random.Generator, most: int) -> tuple[tuple[float, float, int], ...]:
    count = int(rng.integers(1, most + 1))
    return tuple(
        (float(rng.uniform(-0.5, 0.7)), float(rng.uniform(2.0, 4.5)), int(rng.choice([-1, 1])))
        for _ in range(count)
    )


def _wedged(rng: np.random.Generator, low: float, high: float) -> Deformity:
    loss = float(rng.uniform(low, high))
    return Deformity("normal", anterior=loss, middle=loss * 0.6)


def _scheuermann(rng: np.random.Generator) -> dict[str, Deformity]:
    first, count = int(rng.integers(0, 5)), int(rng.integers(3, 6))
    levels = FRACTURE_LEVELS[first : first + count]
    return {level: replace(_wedged(rng, 0.09, 0.2), nodes=_nodes(rng, 2)) for level in levels}


def _some(rng: np.random.Generator, count: int) -> list[str]:
    return [str(level) for level in rng.choice(np.array(FRACTURE_LEVELS), count, replace=False)]


def _changes(rng: np.random.Generator, mimic: str) -> dict[str, Deformity]:
    if mimic == SCHEUERMANN:
        return _scheuermann(rng)
    if mimic == NODES:
        return {
            level: replace(_INTACT, nodes=_nodes(rng, 3)) for level in _some(rng, int(rng.integers(1, 5)))
        }
    if mimic == WEDGING:
        return {level: _wedged(rng, 0.07, 0.15) for level in ("T11", "T12", "L1") if rng.random() < 0.8}
    if mimic == SHORT:
        loss = float(rng.uniform(0.06, 0.13))
        return {
            level: Deformity("normal", anterior=loss, middle=loss, posterior=loss) for level in _some(rng, 2)
        }
    return {}


def with_mimic(patient: Patient, mimic: str, rng: np.random.Generator) -> Patient:
    """The patient with a mimic on levels that are not fractured; Scheuermann's also bends the back."""
    changes = {
        level: change
        for level, change in _changes(rng, mimic).items()
        if patient.deformities.get(level, _INTACT).kind not in _FRACTURED
    }
    kyphosis = patient.kyphosis + (float(np.deg2rad(rng.uniform(8, 22))) if mimic == SCHEUERMANN else 0.0)
    return replace(patient, deformities={**patient.deformities, **changes}, kyphosis=kyphosis)


def milder(patient: Patient, share: float, rng: np.random.Generator) -> Patient:
    """A share of the fractures lose only 8 to 15 % of the height; the signs of their age stay."""
    changes = dict(patient.deformities)
    for level, change in changes.items():
        largest = max(change.anterior, change.middle, change.posterior)
        if change.kind in _FRACTURED and rng.random() < share and largest > 0:
            ratio = float(rng.uniform(0.08, 0.15)) / largest
            changes[level] = replace(
                change,
                anterior=change.anterior * ratio,
                middle=change.middle * ratio,
                posterior=change.posterior * ratio,
            )
    return replace(patient, deformities=changes)
