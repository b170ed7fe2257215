"""Soft tissue: the trunk as one ellipse per image row, fat, lungs, airway, gas, and the brace or cast around it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from workers.training.phantom import kernel
from workers.training.phantom.anatomy import BRACE, Patient
from workers.training.phantom.chain import Vertebra, rotate_y
from workers.training.phantom.scene import LUNG, METAL, SOFT, Quadric, Scene

Rows = NDArray[np.float64]
Vector = NDArray[np.float64]


@dataclass(frozen=True)
class Trunk:
    """Per image row: height z at the patient, centre and half axes of the trunk's ellipse, all in mm."""

    z: Rows
    centre_x: Rows
    centre_y: Rows
    radius_x: Rows
    radius_y: Rows


def _profile(z: Rows, knots: Sequence[tuple[float, float]], scale: float) -> Rows:
    values: Rows = np.interp(z, [k[0] * scale for k in knots], [k[1] * scale for k in knots])
    smooth: Rows = gaussian_filter1d(values, len(z) / 40)
    return smooth


def shape_trunk(scene: Scene, patient: Patient, chain: Sequence[Vertebra], middle: Vector) -> Trunk:
    camera, s = scene.camera, patient.scale
    rows = np.arange(camera.rows)
    z = middle[2] - (rows - camera.rows / 2) * camera.pixel_mm / camera.magnification
    spine = np.array([v.centre for v in chain])
    seventh = float(spine[-5, 2]) / s
    k = patient.body_mass_index / 24
    wide: list[tuple[float, float]] = [
        (-260, 165 * k**0.5),
        (-60, 168 * k**0.6),
        (60, 138 * k**0.6),
        (200, 140 * k**0.5),
    ]
    deep: list[tuple[float, float]] = [
        (-260, 118 * k**0.6),
        (-70, 126 * k**0.6),
        (60, 98 * k**0.95),
        (200, 108 * k**0.7),
    ]
    wide += [
        (seventh - 90, 165),
        (seventh - 20, 185),
        (seventh + 10, 75),
        (seventh + 60, 55),
        (seventh + 130, 70),
    ]
    deep += [
        (seventh - 90, 100),
        (seventh - 20, 75),
        (seventh + 10, 62),
        (seventh + 60, 58),
        (seventh + 130, 85),
    ]
    radius_x, radius_y = _profile(z, wide, s), _profile(z, deep, s)
    below = [-260 * s, -130 * s, -60 * s, -5 * s]
    back = np.interp(z, [*below, *spine[:, 2]], [-15 * s, 0.0, 22 * s, 4 * s, *spine[:, 1]])
    back = gaussian_filter1d(back, camera.rows / 60)
    centre_y = back - radius_y + 66 * s * k**0.5
    return Trunk(z, np.interp(z, spine[:, 2], spine[:, 0]) * 0.5, centre_y, radius_x, radius_y)


def _lengths(scene: Scene, trunk: Trunk, grow: float) -> NDArray[np.float32]:
    out = np.empty(scene.paths.shape[1:], np.float32)
    frame = scene.camera.local(np.zeros((1, 3)), np.eye(3)[None])[0]
    wide, deep = np.maximum(trunk.radius_x + grow, 20.0), np.maximum(trunk.radius_y + grow, 20.0)
    kernel.trunk_lengths(out, frame, trunk.centre_x, trunk.centre_y, wide, deep)
    return out


def add_trunk(scene: Scene, patient: Patient, trunk: Trunk) -> None:
    """Water-like tissue less a tenth where it is fat."""
    whole = _lengths(scene, trunk, 0.0)
    lean = _lengths(scene, trunk, -8.0 * (patient.body_mass_index / 24) ** 2)
    scene.paths[SOFT] += 0.9 * whole + 0.1 * lean


def _unit(centre: Sequence[float], radii: Sequence[float]) -> Quadric:
    x, y, z = centre
    a, b, c = (0.0 if r == 0 else 1 / r**2 for r in radii)
    return (x, y, z, a, b, c, 1.0)


def add_lungs(scene: Scene, patient: Patient, chain: Sequence[Vertebra], rng: np.random.Generator) -> None:
    """Each lung is an ellipsoid less diaphragm, heart and the strip beside the spine, all in patient coordinates."""
    s, k = patient.scale, patient.body_mass_index / 24
    floor = float(chain[6].centre[2]) + float(rng.uniform(-10, 25)) * s
    apex = float(chain[-6].centre[2]) + 8 * s
    y = float(chain[9].centre[1])
    middle = (floor + apex) / 2 - 25 * s
    lung_floor = [(0.0, 0.0, -1.0, -(floor - 55 * s))]
    for side in (-1, 1):
        lung = _unit((side * 66 * s, y - 38 * s, middle), (62 * s * k**0.1, 88 * s, apex - middle))
        lift = 12 * s if side < 0 else 0.0
        dome = _unit((side * 66 * s, y - 50 * s, floor - 72 * s + lift), (88 * s, 120 * s, 85 * s))
        heart = _unit((10 * s, y - 62 * s, floor + 42 * s), (52 * s, 42 * s, 62 * s))
        strip = _unit((0, y - 30 * s, 0), (30 * s, 75 * s, 0))
        parts = [([lung], -0.66), ([dome, lung], 0.66), ([strip, lung], 0.4)]
        if side > 0:
            parts.append(([heart, lung], 0.62))
        # The shapes lie in patient coordinates, so their frame is the origin and the window is the lung's.
        for quadrics, weight in parts:
            _add_at_origin(
                scene, quadrics, lung_floor, weight, (side * 66 * s, y - 38 * s, middle), apex - middle
            )
    airway = float(chain[-6].centre[1]) - 40 * s
    top = float(chain[-6].centre[2])
    scene.rod(
        SOFT,
        np.array([0, airway, top - 75 * s]),
        np.array([0, airway + 2 * s, top + 60 * s]),
        8 * s,
        weight=-0.95,
    )


def _add_at_origin(
    scene: Scene, quadrics: Sequence[Quadric], planes: Sequence[tuple[float, float, float, float]], weight: float,
    middle: Sequence[float], reach: float,
) -> None:  # fmt: skip
    centre = np.array(middle, float)
    moved = [(q[0] - centre[0], q[1] - centre[1], q[2] - centre[2], *q[3:]) for q in quadrics]
    shifted = [(a, b, c, d - float(np.dot((a, b, c), centre))) for a, b, c, d in planes]
    scene.add(SOFT, centre, np.eye(3), reach * 1.05, moved, shifted, weight, LUNG)


def add_gas(scene: Scene, patient: Patient, chain: Sequence[Vertebra], rng: np.random.Generator) -> None:
    """Bowel gas in front of the lumbar spine."""
    s, k = patient.scale, patient.body_mass_index / 24
    for _ in range(int(rng.poisson(9))):
        y = float(chain[3].centre[1]) - float(rng.uniform(35, 110)) * k**0.3 * s
        place = np.array([float(rng.normal(0, 60)) * s, y, float(rng.uniform(-90, 150)) * s])
        size = float(rng.uniform(8, 26)) * s
        radii = (size * rng.uniform(0.8, 1.9), size * rng.uniform(0.6, 1.0), size * rng.uniform(0.6, 1.1))
        scene.ball(
            SOFT, place, radii, rotate_y(float(rng.uniform(-1, 1))), weight=-float(rng.uniform(0.4, 0.85))
        )
    for side in (-1, 1):
        psoas_end = np.array([side * 62, -35, -60], float) * s
        scene.rod(SOFT, chain[5].centre + np.array([side * 24 * s, -5, 0]), psoas_end, 20 * s, weight=0.06)


def _shell(scene: Scene, trunk: Trunk, patient: Patient, inner: float, outer: float) -> NDArray[np.float32]:
    """Path in a layer around the trunk between pelvis and armpits."""
    ring = _lengths(scene, trunk, outer) - _lengths(scene, trunk, inner)
    return np.asarray(np.clip(ring, 0, 400), np.float32)


def add_support(
    scene: Scene, patient: Patient, chain: Sequence[Vertebra], trunk: Trunk, rng: np.random.Generator
) -> None:
    """A plastic brace with edges, straps and rivets, or a thick plaster cast."""
    if patient.state != BRACE:
        return
    s = patient.scale
    top = float(chain[-7 if patient.cast else 11].centre[2]) + float(rng.uniform(-25, 25)) * s
    bottom = float(rng.uniform(-75, -40)) * s
    inside = ((trunk.z > bottom) & (trunk.z < top)).astype(np.float32)[:, None]
    if patient.cast:
        plaster = _shell(scene, trunk, patient, 4, float(rng.uniform(11, 17)))
        grain = np.resize(scene.tiles[3], plaster.shape)
        scene.paths[SOFT] += plaster * inside * float(rng.uniform(0.7, 0.95)) * grain
        return
    thickness = float(rng.uniform(3.5, 5.5))
    plastic = _shell(scene, trunk, patient, 2, 2 + thickness)
    scene.paths[SOFT] += plastic * inside * float(rng.uniform(0.9, 1.15))
    for edge in (top, bottom):
        rim = (np.abs(trunk.z - edge) < 4).astype(np.float32)[:, None]
        scene.paths[SOFT] += plastic * rim * 0.6
    _add_straps(scene, trunk, bottom, top, rng)


def _add_straps(scene: Scene, trunk: Trunk, bottom: float, top: float, rng: np.random.Generator) -> None:
    for fraction in rng.uniform(0.1, 0.9, int(rng.integers(2, 5))):
        z = bottom + fraction * (top - bottom)
        row = int(np.argmin(np.abs(trunk.z - z)))
        front = float(trunk.centre_y[row] - trunk.radius_y[row]) - 3
        for side in (-1, 1):
            x = side * float(rng.uniform(35, 75))
            scene.ball(METAL, np.array([x, front + 6, z]), (4.0, 2.0, 4.0), weight=0.6)
            scene.rod(
                METAL,
                np.array([x - 9, front + 6, z + 5]),
                np.array([x + 9, front + 6, z + 5]),
                1.0,
                weight=0.6,
            )
            edge = float(trunk.radius_x[row]) + 4
            scene.ball(
                METAL, np.array([side * edge, float(trunk.centre_y[row]), z]), (2.0, 4.0, 4.0), weight=0.6
            )
