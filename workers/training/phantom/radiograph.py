"""One seed, one radiograph: pose the patient, trace, detect, display, and keep the truth beside the picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workers.training.phantom import display, physics
from workers.training.phantom.anatomy import Deformity, Patient
from workers.training.phantom.camera import Camera, aim
from workers.training.phantom.chain import Vertebra, build_chain
from workers.training.phantom.implants import add_implants
from workers.training.phantom.scene import Scene, textures
from workers.training.phantom.skeleton import (
    add_pelvis,
    add_ribs,
    add_sacrum,
    add_shoulders,
    add_skull,
    sacrum_corners,
)
from workers.training.phantom.trunk import add_gas, add_lungs, add_support, add_trunk, shape_trunk
from workers.training.phantom.vertebrae import add_vertebra

Float = NDArray[np.float32]
Vector = NDArray[np.float64]
WHOLE, LUMBAR, THORACOLUMBAR, THORACIC = "WHOLE", "LUMBAR", "THORACOLUMBAR", "THORACIC"
_FIELD_MM = {LUMBAR: (310, 400), THORACOLUMBAR: (330, 430), THORACIC: (330, 420)}
_FIELD_INDEX = {LUMBAR: 2, THORACOLUMBAR: 5, THORACIC: 9}


@dataclass(frozen=True)
class Exposure:
    """What the radiographer chose. width_ratio is columns over rows; rows None means rows from pixel_mm."""

    view: str
    field: str
    pixel_mm: float | None = None
    rows: int | None = None
    width_ratio: float | None = None


@dataclass(frozen=True)
class LevelTruth:
    """A vertebral body in the picture: (row, column) of its centre and its four corners, in pixels."""

    level: str
    centre: tuple[float, float]
    corners: tuple[tuple[float, float], ...]
    kind: str
    fresh_cue: float
    hardware: bool


@dataclass(frozen=True)
class Radiograph:
    """pixels are 0..1 with bone bright; spacing_mm is at the detector; sacrum has S1's corners on lateral films that show it."""

    pixels: Float
    spacing_mm: float
    view: str
    coverage: str
    patient: Patient
    levels: tuple[LevelTruth, ...]
    sacrum: tuple[tuple[float, float], ...] = ()


def _pose(patient: Patient, chain: list[Vertebra], exposure: Exposure, rng: np.random.Generator) -> Camera:
    s = patient.scale
    centres = np.array([v.centre for v in chain])
    if exposure.field == WHOLE:
        bottom, top = -115 * s, float(centres[-6, 2]) + 90 * s
        middle = np.array([centres[:, 0].mean(), centres[:, 1].mean() - 15 * s, (bottom + top) / 2])
        height, distance, gap = (
            (top - bottom) * float(rng.uniform(1.0, 1.15)),
            1800.0,
            float(rng.uniform(150, 280)),
        )
        ratio = float(rng.uniform(0.36, 0.58))
    else:
        low, high = _FIELD_MM[exposure.field]
        front = float(rng.uniform(5, 40)) * s if exposure.view != "AP" else 0.0
        middle = chain[_FIELD_INDEX[exposure.field]].centre + np.array([0, -front, float(rng.normal(0, 14))])
        height, distance, gap = (
            float(rng.uniform(low, high)) * s,
            float(rng.uniform(1000, 1200)),
            float(rng.uniform(180, 260)),
        )
        ratio = float(rng.uniform(0.45, 0.9))
    ratio = exposure.width_ratio or ratio
    detector_height = height * distance / (distance - gap)
    rows = exposure.rows or round(detector_height / (exposure.pixel_mm or 1.0))
    pixel = detector_height / rows
    shift = rng.normal(0, 6, 3)
    turn = float(np.deg2rad(rng.normal(0, 3.5)))
    return aim(
        exposure.view, rows, round(rows * ratio), pixel, middle + shift, distance=distance, gap=gap, turn=turn
    )  # fmt: skip


def compose(
    patient: Patient, chain: list[Vertebra], camera: Camera, rng: np.random.Generator
) -> tuple[Scene, tuple[str, ...]]:
    scene = Scene(camera, textures(rng, camera.pixel_mm))
    middle = camera.detector - camera.beam * (camera.distance - camera.distance / camera.magnification)
    trunk = shape_trunk(scene, patient, chain, middle)
    add_trunk(scene, patient, trunk)
    add_lungs(scene, patient, chain, rng)
    add_gas(scene, patient, chain, rng)
    for vertebra in chain:
        add_vertebra(scene, vertebra, patient, rng)
    by_level = {v.level: v for v in chain}
    add_sacrum(scene, patient)
    add_pelvis(scene, patient)
    add_ribs(scene, patient, by_level)
    add_shoulders(scene, patient, by_level["T1"], arms=abs(camera.beam[1]) > 0.5)
    add_skull(scene, patient, chain[-1])
    # The same metal on every film of a patient, whatever else a film draws.
    hardware = add_implants(scene, patient, chain, np.random.default_rng([patient.seed, 4]))
    add_support(scene, patient, chain, trunk, rng)
    scene.trace()
    return scene, hardware


def _truth(v: Vertebra, camera: Camera, view: str, hardware: tuple[str, ...]) -> LevelTruth:
    h, d, w = v.height / 2, v.half_depth, v.half_width
    slope = float(np.tan(v.wedge / 2))
    if view == "AP":
        offsets = [v.at(-w, 0, h), v.at(w, 0, h), v.at(w, 0, -h), v.at(-w, 0, -h)]
    else:
        back = d * 0.72
        offsets = [
            v.at(0, -d, h - slope * d), v.at(0, back, h + slope * back), v.at(0, back, -h - slope * back),
            v.at(0, -d, -h + slope * d),
        ]  # fmt: skip
    # On a lateral film the body's middle lies between its front and its flattened back wall.
    middle = v.centre if view == "AP" else v.at(0, -0.14 * d, 0)
    row, column = camera.project(middle[None])[0]
    corners = tuple((float(r), float(c)) for r, c in camera.project(np.array(offsets)))
    change = v.change or Deformity("normal")
    implanted = v.level in hardware or change.cement
    return LevelTruth(v.level, (float(row), float(column)), corners, change.kind, change.fresh_cue, implanted)


def _sacrum(patient: Patient, camera: Camera) -> tuple[tuple[float, float], ...]:
    return tuple((float(r), float(c)) for r, c in camera.project(sacrum_corners(patient)))


def _visible(truth: LevelTruth, lit: display.Box, margin: float) -> bool:
    """A body counts when its centre lies inside the collimated field by a margin in pixels."""
    return _inside(truth.centre, lit, margin)


def _inside(point: Sequence[float] | Vector, lit: display.Box, margin: float) -> bool:
    row, column = float(point[0]), float(point[1])
    top, bottom, left, right = lit
    return top + margin <= row < bottom - margin and left + margin <= column < right - margin


def render(patient: Patient, exposure: Exposure, *, marker: bool = True) -> Radiograph:
    """The radiograph of a patient; the same patient and exposure give the same pixels."""
    salt = [patient.seed, 3, ord(exposure.view[0]), ord(exposure.field[0]), ord(exposure.field[-1])]
    rng = np.random.default_rng(salt)
    chain = build_chain(patient)
    camera = _pose(patient, chain, exposure, rng)
    scene, hardware = compose(patient, chain, camera, rng)
    signal = physics.detect(scene.paths, camera.pixel_mm, rng)
    picture, lit = display.collimate(display.harmonise(signal, camera.pixel_mm, rng), rng)
    if marker:
        picture = display.mark_side(picture, rng)
    levels = tuple(_truth(v, camera, exposure.view, hardware) for v in chain)
    seen = tuple(level for level in levels if _visible(level, lit, 7.0 / camera.pixel_mm))
    coverage = "WHOLE" if exposure.field == WHOLE else "PARTIAL"
    sacrum = _sacrum(patient, camera) if exposure.view == "LATERAL" else ()
    if sacrum and not _inside(np.mean(sacrum, axis=0), lit, 7.0 / camera.pixel_mm):
        sacrum = ()
    return Radiograph(picture, camera.pixel_mm, exposure.view, coverage, patient, seen, sacrum)
