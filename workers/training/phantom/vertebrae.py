"""One vertebra as shapes: a waisted body with cortex and trabecular filling, its fracture cues, its posterior elements."""

from __future__ import annotations

import numpy as np

from workers.training.phantom.anatomy import Deformity, Patient
from workers.training.phantom.chain import Vertebra, rotate_x, rotate_z
from workers.training.phantom.scene import BONE, CEMENT, TRABECULAR, Plane, Quadric, Scene, ellipsoid

_WAIST = 0.80
_INTACT = Deformity("normal")


class _Body:
    """The body's outline at a margin inside its surface (mm), in its own frame."""

    def __init__(self, vertebra: Vertebra) -> None:
        self.v = vertebra
        self.slope = float(np.tan(vertebra.wedge / 2))
        self.reach = max(vertebra.half_width, vertebra.half_depth, vertebra.height) * 1.25

    def planes(self, margin: float) -> list[Plane]:
        half = self.v.height / 2 - margin
        return [
            (0, -self.slope, 1, half),
            (0, -self.slope, -1, half),
            (0, 1, 0, self.v.half_depth * 0.72 - margin),
        ]

    def barrel(self, margin: float) -> Quadric:
        width, depth = self.v.half_width - margin, self.v.half_depth - margin
        return (0, 0, 0, 1 / width**2, 1 / depth**2, -(1 - _WAIST) / (self.v.height / 2) ** 2, _WAIST)


def _add_body(scene: Scene, v: Vertebra, patient: Patient, change: Deformity) -> None:
    body = _Body(v)
    cortex = patient.cortex_mm * 1.25 * change.sclerosis
    trabecular = patient.trabecular * change.density

    def part(quadrics: list[Quadric], planes: list[Plane], weight: float, texture: int = 0) -> None:
        scene.add(BONE, v.centre, v.axes, body.reach, quadrics, planes, weight, texture)

    inner = body.planes(cortex * 1.1)
    part([body.barrel(0)], body.planes(0), 1.0)
    part([body.barrel(cortex)], inner, -1.0)
    part([body.barrel(cortex)], inner, trabecular, TRABECULAR)
    for centre, radii in _dents(v, change):
        hollow = ellipsoid(centre, radii)
        rim = ellipsoid(centre, (radii[0] + cortex, radii[1] + cortex, radii[2] + cortex * 1.3))
        part([body.barrel(0), hollow], body.planes(0), -trabecular * 0.95, TRABECULAR)
        part([body.barrel(0), rim], body.planes(0), 0.7)
        part([body.barrel(0), hollow], body.planes(0), -0.7)
    if change.band:
        level, half = v.height / 2 - v.height * change.band_depth, v.height * 0.035
        slab: list[Plane] = [(0, -body.slope, 1, level + half), (0, body.slope, -1, -(level - half))]
        part([body.barrel(cortex)], inner + slab, change.band)


def _dents(
    v: Vertebra, change: Deformity
) -> list[tuple[tuple[float, float, float], tuple[float, float, float]]]:
    """Ellipsoids pressed into the endplates: centre and radii in the body's frame."""
    dents = []
    for side in (1, -1) if change.biconcave else (1,):
        depth = max(change.middle - (change.anterior + change.posterior) / 2, 0) * v.height
        depth = depth * (0.5 if change.biconcave else 1.0) + 0.02 * v.height
        if change.middle > 0 and depth >= 0.7:
            dents.append(
                (
                    (0.0, -0.05 * v.half_depth, side * v.height / 2),
                    (v.half_width * 0.85, v.half_depth * 0.72, depth),
                )
            )
    for place, radius, side in change.nodes:
        dents.append(
            (
                (0.0, place * v.half_depth * 0.6, side * v.height / 2),
                (radius * 1.6, radius, radius),
            )
        )
    return dents


def _add_cues(scene: Scene, v: Vertebra, change: Deformity, rng: np.random.Generator) -> None:
    slope = float(np.tan(v.wedge / 2))
    if change.step_mm:
        place = v.at(0, -v.half_depth * 0.97, v.height / 2 - slope * v.half_depth - v.height * 0.16)
        scene.ball(BONE, place, (v.half_width * 0.55, change.step_mm, v.height * 0.09), v.axes, weight=0.8)
    for size, end in zip(change.osteophytes_mm, (0.42, -0.42), strict=True):
        if size:
            place = v.at(0, -1.02 * v.half_depth, end * v.height)
            scene.ball(BONE, place, (v.half_width * 0.7, size, size * 0.62), v.axes, weight=0.5)
    for _ in range(9 if change.cement else 0):
        spot = rng.normal(0, (0.35, 0.3, 0.15)) * (v.half_width, v.half_depth, v.height)
        scene.ball(CEMENT, v.at(*spot), tuple(rng.uniform(3, 7, 3)), v.axes)


def _add_arch(scene: Scene, v: Vertebra, scale: float) -> None:
    """Pedicles, laminae, facets and transverse processes of both sides."""
    w, h, d = v.half_width, v.height, v.half_depth
    thoracic = v.region == "T"
    pedicle_w, pedicle_h = (w * 0.19, h * 0.32) if thoracic else (w * 0.17, h * 0.30)
    z, back = h * 0.12, (9 if thoracic else 8) * scale
    for side in (-1, 1):
        scene.rod(
            BONE, v.at(side * w * 0.62, d * 0.62, z), v.at(side * w * 0.66, d * 0.62 + back, z), pedicle_w,
            shell=1.0, inner=0.25, weight=0.8, flat=pedicle_h / pedicle_w,
        )  # fmt: skip
        lamina = v.axes @ rotate_z(-side * 0.55)
        place = v.at(side * w * 0.40, d + 15 * scale, -h * 0.10)
        scene.ball(BONE, place, (w * 0.34, 3.2, h * 0.42), lamina, weight=0.55, shell=0.9, inner=0.3)
        for end in (1, -1):
            place = v.at(side * w * 0.62, d + 11 * scale + end * 2.5, z + end * h * 0.40)
            scene.ball(BONE, place, (w * 0.17, 3.8, h * 0.24), v.axes, weight=0.55, shell=0.9, inner=0.35)
        if v.region != "C":
            length, lean, lift = (w * 0.62, 17, 3) if thoracic else (w * 0.75, 7, 1)
            start = v.at(side * w * 0.75, d + (9 if thoracic else 6), z)
            end_point = v.at(side * (w * 0.75 + length), d + lean, z + lift)
            scene.rod(BONE, start, end_point, 3.3, weight=0.55, shell=0.7, inner=0.25)


def _add_spinous(scene: Scene, v: Vertebra, scale: float) -> None:
    length = {"L": 26, "T": 30, "C": 18}[v.region] * scale
    steep = 0.75 if v.region == "T" and int(v.level[1:]) < 10 else 0.4
    angle = 0.15 if v.region == "L" else steep
    place = v.at(
        0,
        v.half_depth + 22 * scale + length * 0.3 * np.cos(angle),
        -v.height * 0.1 - length * 0.42 * np.sin(angle),
    )
    radii = (2.8, length * 0.55, v.height * (0.22 if v.region == "T" else 0.34))
    scene.ball(BONE, place, radii, v.axes @ rotate_x(-angle), weight=0.6, shell=0.8, inner=0.3)


def add_vertebra(scene: Scene, v: Vertebra, patient: Patient, rng: np.random.Generator) -> None:
    change = v.change or _INTACT
    _add_body(scene, v, patient, change)
    _add_cues(scene, v, change, rng)
    _add_arch(scene, v, patient.scale)
    _add_spinous(scene, v, patient.scale)
