"""Patterns of scoliosis: straight, idiopathic, and the atypical curves that go with Chiari malformation.

Described after the literature on atypical curves (left thoracic convexity, long curves, missing compensation, lateral
shift of the trunk, normal or large kyphosis where the idiopathic curve flattens the back). The patterns overlap on purpose:
one idiopathic curve in ten is convex to the left, two atypical ones in five to the right.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from workers.training.phantom.anatomy import Patient, sample_patient

STRAIGHT, IDIOPATHIC, ATYPICAL = "normal", "idiopathic", "atypical"
PATTERNS = (STRAIGHT, IDIOPATHIC, ATYPICAL)
_LEFT, _RIGHT = 1.0, -1.0
Curves = tuple[tuple[float, float, float], ...]


def _idiopathic(rng: np.random.Generator) -> tuple[Curves, float]:
    side = _RIGHT if rng.random() < 0.9 else _LEFT
    size, apex = float(rng.uniform(16, 50)), float(rng.choice([0.52, 0.62, 0.66]))
    curves = [(side * size, apex, float(rng.uniform(0.10, 0.14)))]
    curves.append((-side * size * float(rng.uniform(0.45, 0.9)), apex - 0.3, 0.12))
    if rng.random() < 0.6:
        curves.append((-side * size * float(rng.uniform(0.3, 0.6)), apex + 0.28, 0.11))
    return tuple(curves), float(np.clip(rng.normal(24, 9), 5, 60))


def _atypical(rng: np.random.Generator) -> tuple[Curves, float]:
    side = _LEFT if rng.random() < 0.6 else _RIGHT
    size, apex = float(rng.uniform(16, 50)), float(rng.uniform(0.42, 0.66))
    curves = [(side * size, apex, float(rng.uniform(0.12, 0.21)))]
    if rng.random() < 0.45:
        curves.append((-side * size * float(rng.uniform(0.2, 0.6)), apex - 0.32, 0.12))
    if rng.random() < 0.65:
        # Rising beyond the uppermost vertebra: the trunk does not come back over the pelvis.
        curves.append((side * float(rng.uniform(6, 16)), 1.25, 0.4))
    return tuple(curves), float(np.clip(rng.normal(38, 11), 10, 75))


def sample_pattern(seed: int, pattern: str, *, state: str = "STANDING") -> Patient:
    """A child or adolescent with one of PATTERNS."""
    patient = sample_patient(seed, state=state, child=True)
    rng = np.random.default_rng([seed, 5])
    if pattern == STRAIGHT:
        size = float(rng.uniform(0, 7)) * float(rng.choice([-1, 1]))
        curves: Curves = ((size, float(rng.uniform(0.4, 0.7)), 0.14),)
        return replace(patient, curves=curves)
    curves, kyphosis = _idiopathic(rng) if pattern == IDIOPATHIC else _atypical(rng)
    return replace(patient, curves=curves, kyphosis=float(np.deg2rad(kyphosis)))
