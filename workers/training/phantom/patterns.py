"""Patterns of scoliosis: straight, idiopathic, and the atypical curves that go with Chiari malformation.

Described after the literature on atypical curves (left thoracic convexity, long curves, missing compensation, lateral
shift of the trunk, normal or large kyphosis where the idiopathic curve flattens the back). The patterns overlap on purpose:
one idiopathic curve in ten is convex to the left, two atypical ones in five to the right. Beyond that, each of a patient's
four traits (side, shape, shift, kyphosis) may be borrowed from the other pattern, and curves may be mild: the difficulty.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from workers.training.phantom.anatomy import Patient, sample_patient

STRAIGHT, IDIOPATHIC, ATYPICAL = "normal", "idiopathic", "atypical"
PATTERNS = (STRAIGHT, IDIOPATHIC, ATYPICAL)
_LEFT, _RIGHT = 1.0, -1.0
Curves = tuple[tuple[float, float, float], ...]


@dataclass(frozen=True)
class Overlap:
    """borrowed is the chance of each trait to be the other pattern's; least the mildest curve, straight the crookedest
    straight back, both in degrees of amplitude."""

    borrowed: float = 0.0
    least: float = 16.0
    straight: float = 7.0


NO_OVERLAP = Overlap()


def _idiopathic_shape(rng: np.random.Generator, side: float, size: float) -> Curves:
    apex = float(rng.choice([0.52, 0.62, 0.66]))
    curves = [(side * size, apex, float(rng.uniform(0.10, 0.14)))]
    curves.append((-side * size * float(rng.uniform(0.45, 0.9)), apex - 0.3, 0.12))
    if rng.random() < 0.6:
        curves.append((-side * size * float(rng.uniform(0.3, 0.6)), apex + 0.28, 0.11))
    return tuple(curves)


def _atypical_shape(rng: np.random.Generator, side: float, size: float) -> Curves:
    apex = float(rng.uniform(0.42, 0.66))
    curves = [(side * size, apex, float(rng.uniform(0.12, 0.21)))]
    if rng.random() < 0.45:
        curves.append((-side * size * float(rng.uniform(0.2, 0.6)), apex - 0.32, 0.12))
    return tuple(curves)


def _crooked(
    rng: np.random.Generator, pattern: str, overlap: Overlap, borrowing: np.random.Generator
) -> tuple[Curves, float]:
    """The curves, and the kyphosis in degrees; borrowing has numbers of its own, so that without overlap nothing changes."""
    own = pattern == ATYPICAL
    to_left, long, shifted, round_back = (own != bool(b) for b in borrowing.random(4) < overlap.borrowed)
    turn = rng.random()
    side = (_LEFT if turn < 0.6 else _RIGHT) if to_left else (_RIGHT if turn < 0.9 else _LEFT)
    size = float(rng.uniform(overlap.least, 50))
    curves = (_atypical_shape if long else _idiopathic_shape)(rng, side, size)
    if shifted and rng.random() < 0.65:
        # Rising beyond the uppermost vertebra: the trunk does not come back over the pelvis.
        curves = (*curves, (side * float(rng.uniform(6, 16)), 1.25, 0.4))
    mean, spread, low, high = (38, 11, 10, 75) if round_back else (24, 9, 5, 60)
    return curves, float(np.clip(rng.normal(mean, spread), low, high))


def sample_pattern(
    seed: int, pattern: str, *, state: str = "STANDING", overlap: Overlap = NO_OVERLAP
) -> Patient:
    """A child or adolescent with one of PATTERNS."""
    patient = sample_patient(seed, state=state, child=True)
    rng = np.random.default_rng([seed, 5])
    if pattern == STRAIGHT:
        size = float(rng.uniform(0, overlap.straight)) * float(rng.choice([-1, 1]))
        return replace(patient, curves=((size, float(rng.uniform(0.4, 0.7)), 0.14),))
    curves, kyphosis = _crooked(rng, pattern, overlap, np.random.default_rng([seed, 6]))
    return replace(patient, curves=curves, kyphosis=float(np.deg2rad(kyphosis)))
