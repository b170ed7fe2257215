"""Metal after surgery: pedicle screws with rods, growth-friendly rods with actuators, tethers of vertebral screws."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from workers.training.phantom.anatomy import BROKEN, FUSION, GROWTH, LOOSENED, TETHER, Patient
from workers.training.phantom.chain import Vertebra
from workers.training.phantom.scene import BONE, METAL, Scene

Vector = NDArray[np.float64]


def _pedicle_screw(scene: Scene, v: Vertebra, side: int) -> Vector:
    """A screw and its head; returns where the rod passes."""
    w, d, h = v.half_width, v.half_depth, v.height
    scene.rod(METAL, v.at(side * w * 0.66, d + 13, h * 0.14), v.at(side * w * 0.38, -d * 0.35, h * 0.10), 2.2)
    scene.rod(
        METAL,
        v.at(side * w * 0.67, d + 11, h * 0.14),
        v.at(side * w * 0.70, d + 24, h * 0.15),
        5.0,
        weight=0.75,
    )
    return v.at(side * w * 0.69, d + 20, h * 0.15)


def _loosen(scene: Scene, v: Vertebra, side: int, patient: Patient) -> None:
    """A lucent zone of 2 mm along the shaft with a sclerotic rim: the sign of loosening on a radiograph."""
    w, d, h = v.half_width, v.half_depth, v.height
    start, end = v.at(side * w * 0.66, d + 4, h * 0.14), v.at(side * w * 0.38, -d * 0.38, h * 0.10)
    scene.rod(BONE, start, end, 5.2, weight=0.28)
    scene.rod(BONE, start, end, 4.4, weight=-0.28 - patient.trabecular * 0.9)


def _rods(scene: Scene, points: Sequence[Vector], broken: bool) -> None:
    """One rod through the screw heads; a broken one ends between two of them and goes on beside itself."""
    course = _prolong(points, 9)
    if not broken:
        scene.tube(METAL, course, 2.75)
        return
    at = len(course) // 2
    span = course[at] - course[at - 1]
    away = np.array([3.5, 2.5, 0.0])
    scene.tube(METAL, [*course[:at], course[at - 1] + span * 0.42], 2.75)
    scene.tube(METAL, [course[at - 1] + span * 0.56 + away, course[at] + away * 0.3, *course[at + 1 :]], 2.75)


def _prolong(points: Sequence[Vector], by_mm: float) -> list[Vector]:
    """Rods stick out beyond the end screws."""
    first, last = points[0] - points[1], points[-1] - points[-2]
    start = points[0] + first / np.linalg.norm(first) * by_mm
    end = points[-1] + last / np.linalg.norm(last) * by_mm
    return [start, *points, end]


def _fusion(
    scene: Scene, patient: Patient, chain: Sequence[Vertebra], rng: np.random.Generator
) -> tuple[int, int]:
    low = int(rng.integers(0, 5))
    high = int(rng.integers(low + 4, min(16, low + 12) + 1))
    if not patient.child and rng.random() < 0.5:
        low = int(rng.integers(0, 3))
        high = low + int(rng.integers(1, 4))
    for side in (-1, 1):
        levels = [i for i in range(low, high + 1) if i in (low, high) or rng.random() < 0.8]
        points = [_pedicle_screw(scene, chain[i], side) for i in levels]
        _rods(scene, points, broken=patient.failure == BROKEN and side == 1)
        if patient.failure == LOOSENED:
            _loosen(scene, chain[low], side, patient)
    if high - low > 5 and rng.random() < 0.6:
        v = chain[(low + high) // 2]
        reach, back = v.half_width * 0.66, v.half_depth + 21
        scene.rod(METAL, v.at(-reach, back, 0), v.at(reach, back, 0), 3.0)
    if high - low < 5 and rng.random() < 0.7:
        for v in chain[low + 1 : high + 1]:
            cage = (v.half_width * 0.5, v.half_depth * 0.45, 4.2)
            scene.ball(METAL, v.at(0, 0, -v.height / 2 - 5), cage, v.axes, weight=0.35)
    return low, high


def _growth(scene: Scene, chain: Sequence[Vertebra], rng: np.random.Generator) -> tuple[int, int]:
    """Anchors at both ends, a rod between them with its lengthening part, nothing fixed in the middle."""
    low, high = int(rng.integers(2, 5)), int(rng.integers(13, 16))
    for side in (-1, 1) if rng.random() < 0.7 else (1,):
        below = [_pedicle_screw(scene, chain[i], side) for i in (low, low + 1)]
        above = [_pedicle_screw(scene, chain[i], side) for i in (high - 1, high)]
        offset = np.array([side * 6.0, 8.0, 0.0])
        span = above[0] - below[-1]
        start, end = below[-1] + span * 0.38 + offset, below[-1] + span * 0.68 + offset
        scene.tube(METAL, [*below, start], 2.5)
        scene.tube(METAL, [end, *above], 2.5)
        scene.rod(METAL, start, end, 5.2, weight=0.8)
    return low, high


def _tether(scene: Scene, chain: Sequence[Vertebra], rng: np.random.Generator) -> tuple[int, int]:
    """Screws through the bodies from one side; the cord itself is radiolucent."""
    low = int(rng.integers(4, 8))
    high = min(low + int(rng.integers(5, 8)), 15)
    side = int(rng.choice([-1, 1]))
    for v in chain[low : high + 1]:
        w = v.half_width
        scene.rod(METAL, v.at(side * w * 0.95, 0, 0), v.at(-side * w * 0.85, 0, 0), 2.4, weight=0.9)
        scene.rod(METAL, v.at(side * w * 0.95, 0, 0), v.at(side * (w * 0.95 + 9), 0, 0), 4.6, weight=0.8)
    return low, high


def add_implants(
    scene: Scene, patient: Patient, chain: Sequence[Vertebra], rng: np.random.Generator
) -> tuple[str, ...]:
    """The patient's metal; returns the levels between its ends, L5 first."""
    if patient.state == FUSION:
        low, high = _fusion(scene, patient, chain, rng)
    elif patient.state == GROWTH:
        low, high = _growth(scene, chain, rng)
    elif patient.state == TETHER:
        low, high = _tether(scene, chain, rng)
    else:
        return ()
    return tuple(v.level for v in chain[low : high + 1])
