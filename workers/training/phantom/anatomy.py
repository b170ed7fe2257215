"""Who is on the table: stature, curvature, bone quality, fractures. One frozen Patient per seed.

Sizes are per level in millimetres for an adult of scale 1 (models.md 4.2); ranges are textbook ranges.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

LEVELS = (*(f"C{i}" for i in range(3, 8)), *(f"T{i}" for i in range(1, 13)), *(f"L{i}" for i in range(1, 6)))
_HEIGHTS = (
    13, 13, 13, 13, 14, 16, 17, 18, 18.5, 19, 19.5, 20, 20.5, 21.5, 22.5, 23.5, 25, 26.5, 27.5, 28, 27.5, 26.5,
)  # fmt: skip
_WIDTHS = (19, 19, 20, 21, 23, 28, 28, 27, 26, 27, 28, 29, 30, 31, 33, 36, 38, 40, 42, 44, 47, 50)
_DEPTHS = (16, 16, 16, 16, 16, 16, 18, 20, 21, 23, 24, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 35)
_DISCS = (5, 5, 5, 5, 5, 4, 4, 3.5, 3.5, 4, 4, 4, 4.5, 4.5, 5, 5.5, 6.5, 8, 9.5, 10.5, 11, 10)
HEIGHT_MM = dict(zip(LEVELS, _HEIGHTS, strict=True))
WIDTH_MM = dict(zip(LEVELS, _WIDTHS, strict=True))
DEPTH_MM = dict(zip(LEVELS, _DEPTHS, strict=True))
DISC_BELOW_MM = dict(zip(LEVELS, _DISCS, strict=True))
FRACTURE_LEVELS = LEVELS[10:]
_FRACTURE_WEIGHTS = np.array([2, 3, 3, 3, 4, 6, 9, 10, 6, 4, 3, 2], float)

STANDING, BRACE, FUSION, GROWTH, TETHER = "STANDING", "BRACE", "FUSION", "GROWTH", "TETHER"
# What may become of screws and rods; "" is intact.
LOOSENED, BROKEN = "LOOSENED", "BROKEN"


@dataclass(frozen=True)
class Deformity:
    """A change of one vertebral body. Losses are fractions of its height; cue strengths may be zero.

    kind is "normal" (a variant), "old" or "fresh". Cues overlap between old and fresh on purpose: a quarter of fresh
    fractures carry osteophytes and a fifth of old ones a dense band, so no reader can be perfect.
    """

    kind: str
    anterior: float = 0.0
    middle: float = 0.0
    posterior: float = 0.0
    biconcave: bool = False
    band: float = 0.0
    band_depth: float = 0.2
    step_mm: float = 0.0
    sclerosis: float = 1.0
    density: float = 1.0
    osteophytes_mm: tuple[float, float] = (0.0, 0.0)
    cement: bool = False
    # Schmorl's nodes: (place from front -1 to back 1, radius in mm, upper endplate 1 or lower -1).
    nodes: tuple[tuple[float, float, int], ...] = ()

    @property
    def fresh_cue(self) -> float:
        """How much of the fresh signs this body shows: impaction band plus cortical step, 0 to about 1.5."""
        return self.band / 0.4 + self.step_mm / 4.0 if self.kind == "fresh" else 0.0


@dataclass(frozen=True)
class Patient:
    """Angles in radians; curves are (amplitude in degrees, apex and width as fractions of T1-L5 from below)."""

    seed: int
    child: bool
    state: str
    cast: bool
    scale: float
    sacral_slope: float
    pelvic_tilt: float
    lordosis: float
    kyphosis: float
    sva_mm: float
    curves: tuple[tuple[float, float, float], ...]
    body_mass_index: float
    trabecular: float
    cortex_mm: float
    deformities: Mapping[str, Deformity] = field(default_factory=dict)
    failure: str = ""

    @property
    def fresh_levels(self) -> tuple[str, ...]:
        return tuple(level for level, change in self.deformities.items() if change.kind == "fresh")


def _curves(rng: np.random.Generator, amplitude: float) -> tuple[tuple[float, float, float], ...]:
    """A main curve and its compensations."""
    side = float(rng.choice([-1, 1]))
    apex = float(rng.choice([0.36, 0.52, 0.62], p=[0.25, 0.5, 0.25]))
    curves = [(side * amplitude, apex, float(rng.uniform(0.10, 0.15)))]
    if rng.random() < 0.7:
        curves.append((-side * amplitude * float(rng.uniform(0.4, 0.9)), apex - 0.3, 0.12))
    if rng.random() < 0.6:
        curves.append((-side * amplitude * float(rng.uniform(0.3, 0.7)), apex + 0.3, 0.12))
    return tuple(curves)


def _losses(rng: np.random.Generator, loss: float) -> dict[str, float | bool]:
    shape = rng.choice(["wedge", "biconcave", "crush"], p=[0.5, 0.32, 0.18])
    if shape == "wedge":
        return {"anterior": loss, "middle": loss * 0.75, "posterior": loss * 0.1}
    if shape == "biconcave":
        two_sided = bool(rng.random() < 0.6)
        return {
            "anterior": loss * 0.25,
            "middle": loss * 1.1,
            "posterior": loss * 0.15,
            "biconcave": two_sided,
        }
    return {"anterior": loss, "middle": loss, "posterior": loss * 0.75}


def _osteophytes(rng: np.random.Generator) -> tuple[float, float]:
    return float(rng.uniform(2, 5)), float(rng.uniform(2, 5))


def sample_fracture(rng: np.random.Generator, kind: str) -> Deformity:
    """Loss of height does not depend on age; only the cues do, and they overlap."""
    losses = _losses(rng, float(rng.uniform(0.12, 0.5)))
    band_depth = float(rng.uniform(0.12, 0.3))
    if kind == "fresh":
        step = float(rng.uniform(0.6, 4.0)) if rng.random() < 0.75 else 0.0
        band = float(rng.uniform(0.05, 0.45)) if rng.random() < 0.85 else 0.0
        spurs = _osteophytes(rng) if rng.random() < 0.25 else (0.0, 0.0)
        return Deformity(kind, **losses, band=band, band_depth=band_depth, step_mm=step, osteophytes_mm=spurs)  # type: ignore[arg-type]  # losses hold both floats and one bool
    band = float(rng.uniform(0.05, 0.3)) if rng.random() < 0.2 else 0.0
    spurs = _osteophytes(rng) if rng.random() < 0.7 else (0.0, 0.0)
    return Deformity(
        kind,
        **losses,  # type: ignore[arg-type]  # losses hold both floats and one bool
        band=band,
        band_depth=band_depth,
        sclerosis=float(rng.uniform(1.0, 1.9)),
        density=float(rng.uniform(0.9, 1.2)),
        osteophytes_mm=spurs,
        cement=bool(rng.random() < 0.08),
    )


def sample_variant(rng: np.random.Generator) -> Deformity | None:
    """Shapes that imitate a fracture without being one: physiological wedge, Schmorl's node, spurs, short body."""
    choice = rng.random()
    if choice < 0.10:
        return Deformity("normal", anterior=float(rng.uniform(0.04, 0.11)))
    if choice < 0.15:
        return Deformity("normal", middle=float(rng.uniform(0.05, 0.13)), biconcave=bool(rng.random() < 0.5))
    if choice < 0.23:
        return Deformity("normal", osteophytes_mm=_osteophytes(rng))
    if choice < 0.27:
        loss = float(rng.uniform(0.03, 0.08))
        return Deformity("normal", anterior=loss, middle=loss, posterior=loss)
    return None


def _deformities(rng: np.random.Generator, fractures: int, fresh_share: float) -> dict[str, Deformity]:
    changes: dict[str, Deformity] = {}
    for level in FRACTURE_LEVELS:
        variant = sample_variant(rng)
        if variant is not None:
            changes[level] = variant
    weights = _FRACTURE_WEIGHTS / _FRACTURE_WEIGHTS.sum()
    for level in rng.choice(np.array(FRACTURE_LEVELS), size=fractures, replace=False, p=weights):
        changes[str(level)] = sample_fracture(rng, "fresh" if rng.random() < fresh_share else "old")
    return changes


def sample_patient(
    seed: int, *, state: str = STANDING, child: bool = False, fractures: int = 0, fresh_share: float = 0.5
) -> Patient:
    """A patient from a seed; fractures counts fractured bodies, fresh_share is each one's chance of being fresh."""
    rng = np.random.default_rng([seed, 1])
    slope = float(np.deg2rad(rng.normal(38, 7)))
    amplitude = float(rng.uniform(12, 55)) if child else float(rng.uniform(0, 14))
    stature = float(rng.uniform(0.9, 1.08)) * (float(rng.uniform(0.72, 0.95)) if child else 1.0)
    return Patient(
        seed=seed,
        child=child,
        state=state,
        cast=state == BRACE and bool(rng.random() < 0.3),
        scale=stature,
        sacral_slope=slope,
        pelvic_tilt=float(np.deg2rad(rng.normal(13, 6) if child else rng.normal(18, 8))),
        lordosis=float(np.deg2rad(np.clip(rng.normal(np.rad2deg(slope) + 17, 7), 20, 80))),
        kyphosis=float(np.deg2rad(np.clip(rng.normal(30 if child else 38, 11), 8, 75))),
        sva_mm=float(rng.normal(-15 if child else 15, 22)),
        curves=_curves(rng, amplitude),
        body_mass_index=float(np.clip(rng.gamma(16, 1.25 if child else 1.6), 15, 38)),
        trabecular=float(rng.uniform(0.17, 0.26) if child else rng.uniform(0.10, 0.20)),
        cortex_mm=float(rng.uniform(0.55, 0.95)),
        deformities={} if child else _deformities(rng, fractures, fresh_share),
    )
