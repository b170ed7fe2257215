"""The vertebral chain: from the sacrum up, each body's centre, axes and size in millimetres.

Lordosis and kyphosis are solved so that C7 stands over the sampled sagittal vertical axis; without that, spines topple.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workers.training.phantom.anatomy import (
    DEPTH_MM,
    DISC_BELOW_MM,
    HEIGHT_MM,
    LEVELS,
    WIDTH_MM,
    Deformity,
    Patient,
)

Vector = NDArray[np.float64]
_LORDOSIS_SHARE = (0.24, 0.24, 0.20, 0.17, 0.15)
_KYPHOSIS_SHARE = np.hanning(14)[1:-1] / np.hanning(14)[1:-1].sum()


def rotate_x(angle: float) -> Vector:
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[1, 0, 0], [0, c, -s], [0, s, c]], float)


def rotate_y(angle: float) -> Vector:
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]], float)


def rotate_z(angle: float) -> Vector:
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]], float)


@dataclass(frozen=True)
class Vertebra:
    """half_width and half_depth in mm; wedge is the angle between the endplates; axes' columns are the body's x, y, z."""

    level: str
    centre: Vector
    axes: Vector
    height: float
    half_width: float
    half_depth: float
    wedge: float
    pitch: float
    roll: float
    change: Deformity | None

    def at(self, x: float, y: float, z: float) -> Vector:
        """A point of the body's own frame in patient coordinates."""
        point: Vector = self.centre + self.axes @ np.array([x, y, z], float)
        return point

    @property
    def region(self) -> str:
        return self.level[0]


@dataclass(frozen=True)
class _Step:
    """The angles that one level adds, in radians."""

    turn: float
    in_disc: float


def _plan(level: str, index: int, lordosis: float, kyphosis: float) -> _Step:
    if level[0] == "L":
        return _Step(-lordosis * _LORDOSIS_SHARE[index], 0.62)
    if level[0] == "T":
        return _Step(kyphosis * float(_KYPHOSIS_SHARE[index - 5]), 0.35)
    return _Step(-float(np.deg2rad(4.0)), 0.5)


def _tilt(patient: Patient, q: float) -> float:
    """Coronal tilt at height fraction q: the derivative of the curves' lateral offset."""
    total = sum(a * np.exp(-0.5 * ((q - m) / w) ** 2) * (-(q - m) / w) for a, m, w in patient.curves)
    return float(np.deg2rad(total) * 0.62)


def _axial(patient: Patient, q: float) -> float:
    total = sum(a * np.exp(-0.5 * ((q - m) / w) ** 2) for a, m, w in patient.curves)
    return float(np.deg2rad(total * 0.35))


def _up(pitch: float, roll: float) -> Vector:
    return np.array([np.sin(roll) * np.cos(pitch), -np.sin(pitch), np.cos(pitch) * np.cos(roll)])


def _stack(patient: Patient, lordosis: float, kyphosis: float) -> list[Vertebra]:
    rng = np.random.default_rng([patient.seed, 2])
    scale = patient.scale
    total = sum(HEIGHT_MM[x] + DISC_BELOW_MM[x] for x in LEVELS if x[0] != "C") * scale
    position, angle, climbed = np.zeros(3), patient.sacral_slope, 0.0
    chain: list[Vertebra] = []
    for index, level in enumerate(reversed(LEVELS)):
        step = _plan(level, index, lordosis, kyphosis)
        height = HEIGHT_MM[level] * scale * float(rng.normal(1, 0.015))
        disc = DISC_BELOW_MM[level] * scale * float(rng.normal(1, 0.06))
        q = (climbed + disc + height / 2) / total
        roll = _tilt(patient, q)
        change = patient.deformities.get(level)
        lower, upper, collapse = angle + step.turn * step.in_disc, angle + step.turn, 0.0
        if change is not None:
            collapse = float(
                np.arctan((change.anterior - change.posterior) * height / (DEPTH_MM[level] * scale))
            )
            upper += collapse
            height *= 1 - (change.anterior + change.posterior) / 2
        pitch = (lower + upper) / 2
        position = position + _up((angle + lower) / 2, roll) * disc
        centre = position + _up(pitch, roll) * height / 2
        position = position + _up(pitch, roll) * height
        climbed += disc + height
        twist = 0.0 if level[0] == "C" else _axial(patient, q)
        axes = rotate_y(roll) @ rotate_x(pitch) @ rotate_z(twist)
        width, depth = WIDTH_MM[level] * scale * 0.53, DEPTH_MM[level] * scale * 0.54
        chain.append(Vertebra(level, centre, axes, height, width, depth, upper - lower, pitch, roll, change))
        angle = upper - 0.35 * collapse  # the level above compensates a third of a fracture's kyphosis
    return chain


def build_chain(patient: Patient) -> list[Vertebra]:
    """L5 first, C3 last."""
    lordosis, kyphosis = patient.lordosis, patient.kyphosis
    chain = _stack(patient, lordosis, kyphosis)
    for _ in range(6):
        seventh = next(v for v in chain if v.level == "C7")
        error = float(seventh.centre[1]) + patient.sva_mm
        if abs(error) < 4:
            break
        lordosis = float(np.clip(lordosis - error * 0.0018 / patient.scale, 0.25, 1.6))
        kyphosis = float(np.clip(kyphosis + error * 0.0006, 0.1, 1.4))
        chain = _stack(patient, lordosis, kyphosis)
    return chain
