"""The bones around the spine: sacrum, pelvis, femora, ribs, shoulder girdle, skull. Sizes in mm at scale 1."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from workers.training.phantom.anatomy import Patient
from workers.training.phantom.chain import Vertebra, rotate_x, rotate_y, rotate_z
from workers.training.phantom.scene import BONE, SOFT, Scene

Vector = NDArray[np.float64]
_TAPER = 0.12
_SACRUM = ((30, 26, 17), (25, 23, 13), (21, 20, 10), (18, 17, 8), (15, 13, 7))


def _mm(*values: float) -> Vector:
    return np.array(values, float)


def add_sacrum(scene: Scene, patient: Patient) -> None:
    s, angle, top = patient.scale, patient.sacral_slope, np.zeros(3)
    for index, (height, width, depth) in enumerate(_SACRUM):
        up = _mm(0, -np.sin(angle), np.cos(angle))
        centre, axes = top - up * height * s / 2, rotate_x(angle)
        block = (width * s, depth * s, height * s / 2)
        scene.prism(
            BONE, centre, axes, block, taper=_TAPER, shell=0.8, inner=patient.trabecular * 0.9, weight=0.8
        )
        for side in (-1, 1) if index < 3 else ():
            wing = centre + axes @ _mm(side * (width + 16 - 4 * index), 4, -1) * s
            half = ((17 - 4 * index) * s, (12 - 2 * index) * s, height * s * (0.95 - 0.1 * index) / 2)
            turned = axes @ rotate_y(-side * 0.25)
            scene.prism(
                BONE, wing, turned, half, taper=0.15, shell=0.5, inner=patient.trabecular * 0.75, weight=0.65
            )
            hole = centre + axes @ _mm(side * width * 0.98, 2, -height * 0.5) * s
            scene.ball(BONE, hole, (5 * s, 12 * s, 4 * s), axes, weight=-0.16)
        top, angle = top - up * height * s, angle + 0.20


def sacrum_corners(patient: Patient) -> Vector:
    """S1 seen from the side, mm [4, 3]: front and back of its endplate, back and front of its lower end."""
    height, _, depth = _SACRUM[0]
    s, axes = patient.scale, rotate_x(patient.sacral_slope)
    half, up = height * s / 2, _mm(0, -np.sin(patient.sacral_slope), np.cos(patient.sacral_slope))
    top, bottom = depth * s + _TAPER * half, depth * s - _TAPER * half
    own = np.array([(0, -top, half), (0, top, half), (0, bottom, -half), (0, -bottom, -half)])
    corners: Vector = own @ axes.T - up * half
    return corners


def add_pelvis(scene: Scene, patient: Patient) -> None:
    s = patient.scale
    hip_axis = _mm(0, -np.sin(patient.pelvic_tilt), -np.cos(patient.pelvic_tilt)) * 100 * s
    for side in (-1, 1):
        hip = hip_axis + _mm(side * 88, 0, 0) * s
        _add_femur(scene, hip, side, s)
        _add_hip_bone(scene, hip, side, s)


def _add_femur(scene: Scene, hip: Vector, side: int, s: float) -> None:
    scene.ball(BONE, hip, (23 * s,) * 3, shell=0.9, inner=0.2, weight=0.9)
    scene.rod(BONE, hip, hip + _mm(side * 52, 3, -34) * s, 15 * s, shell=1.8, inner=0.18)
    scene.rod(
        BONE, hip + _mm(side * 48, 3, -20) * s, hip + _mm(side * 56, 3, -150) * s, 15 * s, shell=4, inner=0.1
    )  # fmt: skip


def _add_hip_bone(scene: Scene, hip: Vector, side: int, s: float) -> None:
    socket = hip + _mm(-side * 3, 4, 8) * s
    scene.ball(
        BONE, socket, (34 * s, 33 * s, 34 * s), shell=4, inner=0, weight=0.6,
        planes=[(-side * 0.25, -0.1, -0.7, 2 * s)],
    )  # fmt: skip
    wing_axes = rotate_y(side * 0.32) @ rotate_x(0.25)
    scene.ball(
        BONE, _mm(side * 62, -8, -42) * s, (58 * s, 78 * s, 82 * s), wing_axes, shell=5 * s, inner=0, weight=0.42,
        planes=[(-side, 0, 0, -10 * s), (0, 0, -1, 38 * s), (0, -1, 0, 70 * s)],
    )  # fmt: skip
    pillar = [hip + _mm(0, 4, 18) * s, hip + _mm(-side * 22, 14, 45) * s, _mm(side * 42, 12, -18) * s]
    scene.tube(BONE, pillar, 12 * s, shell=1.2, inner=0.10, weight=0.55, flat=0.7)
    upper = [(-side * 20, -22, -8), (-side * 55, -40, -30), (-side * 82, -48, -38)]
    lower = [(-side * 15, 20, -15), (-side * 25, 22, -55), (-side * 45, -5, -70), (-side * 80, -44, -48)]
    scene.tube(BONE, [hip + _mm(*p) * s for p in upper], 8 * s, shell=1.5, inner=0.15)
    scene.tube(BONE, [hip + _mm(*p) * s for p in lower], 9 * s, shell=1.5, inner=0.15)


def add_ribs(scene: Scene, patient: Patient, by_level: Mapping[str, Vertebra]) -> None:
    s = patient.scale
    for number in range(1, 13):
        v = by_level[f"T{number}"]
        wide = float(np.interp(number, [1, 3, 7, 10, 12], [62, 98, 132, 136, 128])) * s
        deep = float(np.interp(number, [1, 3, 7, 10, 12], [55, 80, 98, 95, 88])) * s
        drop = float(np.interp(number, [1, 4, 8, 12], [35, 62, 95, 60])) * s
        end = 2.75 if number < 8 else 2.45 if number < 11 else 1.75 if number == 11 else 1.35
        t = np.linspace(0.12, end, 15 if number < 11 else 8)
        turn = rotate_z(v.roll * 0.5).T @ rotate_x(v.pitch * 0.35).T
        for side in (-1, 1):
            back = v.half_depth - deep + 16 * s
            across = side * wide * np.sin(t) ** 0.9
            course = np.stack(
                [across, back + deep * np.cos(t), -drop * (t / np.pi) ** 1.25 + v.height * 0.1], axis=1
            )
            points = list(v.centre + course @ turn)
            scene.tube(BONE, points, 3.9 * s, shell=0.75, inner=0.16, weight=0.62, flat=1.45)


def add_shoulders(scene: Scene, patient: Patient, first: Vertebra, *, arms: bool) -> None:
    """Clavicles and, on frontal films, humeral heads; for laterals the arms are raised."""
    s, y, z = patient.scale, float(first.centre[1]), float(first.centre[2])
    course = ((12, 78, -20), (60, 82, -8), (120, 55, 4), (165, 35, 2))
    for side in (-1, 1):
        points = [_mm(side * x * s, y - front * s, z + up * s) for x, front, up in course]
        scene.tube(BONE, points, 5.5 * s, shell=1.5, inner=0.2, weight=0.8)
        if not arms:
            continue
        head = _mm(side * 178 * s, y - 5, z - 25 * s)
        scene.ball(BONE, head, (22 * s, 22 * s, 24 * s), shell=1.2, inner=0.18)


def add_skull(scene: Scene, patient: Patient, top: Vertebra) -> None:
    s = patient.scale
    middle = top.centre + _mm(0, -18, 110) * s
    scene.ball(BONE, middle, (72 * s, 92 * s, 80 * s), shell=5, inner=0, weight=0.8)
    scene.ball(SOFT, middle, (70 * s, 90 * s, 78 * s), weight=0.6)
    jaw = ((-45, -30, 45), (-40, -45, 5), (-18, -88, -12), (18, -88, -12), (40, -45, 5), (45, -30, 45))
    scene.tube(BONE, [top.centre + _mm(*p) * s for p in jaw], 7 * s, shell=2, inner=0.25)
