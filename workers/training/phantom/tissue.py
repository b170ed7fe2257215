"""A sagittal slice of T1-weighted tissue: signal 0..1 on the plane, body by body, before any scanner touches it.

The plane is evaluated directly: no voxels, no rays. Distances are signed, in mm, negative inside.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workers.training.phantom.anatomy import DISC_BELOW_MM, Deformity
from workers.training.phantom.chain import Vertebra
from workers.training.phantom.scene import noise
from workers.training.phantom.signal import Marrow, MarrowPatient, Zone

Float = NDArray[np.float64]
Rng = np.random.Generator
CORTEX = 0.07
_INTACT, _PLAIN = Deformity("normal"), Marrow()


def inside(distance: Float, softness: float) -> Float:
    """1 inside, 0 outside, over an edge of about softness mm."""
    return np.asarray(1.0 / (1.0 + np.exp(np.clip(distance / softness, -30, 30))), float)


@dataclass(frozen=True)
class Plane:
    """Centres of the pixels: y [columns] to the back, z [rows] downwards; x is the slice's distance from the middle."""

    x: float
    y: Float
    z: Float
    pixel_mm: float


@dataclass(frozen=True)
class Tones:
    """The patient's tissue signals."""

    fat: float
    muscle: float
    marrow: float
    disc: float
    fluid: float
    spread: float


def sample_tones(rng: Rng, red: float) -> Tones:
    marrow = float(rng.uniform(0.44, 0.60)) * (1 - 0.35 * red)
    return Tones(
        float(rng.uniform(0.80, 0.95)), float(rng.uniform(0.20, 0.28)), marrow, float(rng.uniform(0.20, 0.30)),
        float(rng.uniform(0.08, 0.14)), float(rng.uniform(0.02, 0.07)) * (1 + 2 * red),
    )  # fmt: skip


def _mix(image: Float, part: Float, value: Float | float) -> None:
    image += part * (value - image)


def surroundings(plane: Plane, chain: list[Vertebra], sick: MarrowPatient, tones: Tones, rng: Rng) -> Float:
    """Belly, great vessel, muscle, canal, cord and skin around a line through the bodies."""
    patient = sick.patient
    s, build = patient.scale, patient.body_mass_index / 24
    shape = (len(plane.z), len(plane.y))

    def grain(size: float, octaves: int = 3) -> Float:
        return np.asarray(noise(rng, *shape, size / plane.pixel_mm, octaves), float)

    centres = np.array(sorted((v.centre[2], v.centre[1]) for v in chain))
    line = np.interp(plane.z, [-140 * s, -60 * s, *centres[:, 0]], [10 * s, 24 * s, *centres[:, 1]])
    away = plane.y[None, :] - line[:, None]
    image = np.full(shape, tones.muscle * 0.9) + 0.03 * grain(14)
    _mix(image, inside(np.abs(away + 48 * s) - 9 * s, 0.8), 0.05)
    _mix(image, inside(away + 62 * s, 2), 0.35 + 0.18 * np.clip(grain(22), -1.5, 2))
    _mix(
        image, inside(-(away - 33 * s), 1.5), tones.muscle + 0.35 * np.clip(grain(9, 2) - 0.7, 0, 1.5) * build
    )
    back = 66 * s * build**0.5
    _mix(image, inside(-(away - (back - 14 * build**2)), 1.0), tones.fat)
    _canal(image, plane, away, chain, s, tones)
    _mix(image, inside(-(away - back), 0.8), 0.01)
    return image


def _canal(image: Float, plane: Plane, away: Float, chain: list[Vertebra], s: float, tones: Tones) -> None:
    """Epidural fat, thecal sac, cord to L1, cauda below; beyond its half width the canal is bone and fat."""
    wide = max(1 - (plane.x / (11 * s)) ** 2, 0.0) ** 0.5
    if not wide:
        return
    first = next(v for v in chain if v.level == "L1")
    wall, conus = first.half_depth * 0.9, float(first.centre[2])
    _mix(image, inside(np.abs(away - (wall + 9 * s)) - 9 * s * wide, 0.7), tones.fat * 0.8)
    if wide <= 0.3:
        return
    _mix(image, inside(np.abs(away - (wall + 8 * s)) - 6.6 * s * wide, 0.6), tones.fluid)
    thick = 3.6 * s * wide * np.clip((plane.z - conus) / 25 + 1, 0, 1)[:, None]
    above = (plane.z > conus - 28).astype(float)[:, None]
    _mix(image, inside(np.abs(away - (wall + 8 * s)) - thick, 0.6) * above, 0.30)
    _mix(image, inside(np.abs(away - (wall + 10.5 * s)) - 1.8 * s, 0.6) * (plane.z < conus)[:, None], 0.24)


@dataclass(frozen=True)
class _Frame:
    """A body's own coordinates on a patch of the plane: along y and z, in mm; depth is the half depth in this slice."""

    rows: slice
    columns: slice
    y: Float
    z: Float
    depth: float
    top: Float
    bottom: Float


def _frame(plane: Plane, v: Vertebra, disc: float) -> _Frame | None:
    """None where the slice passes beside the body."""
    beside = (plane.x - float(v.centre[0])) / v.half_width
    if abs(beside) > 0.97:
        return None
    reach = v.half_depth * 2.4 + v.height + disc
    rows = np.flatnonzero(np.abs(plane.z - v.centre[2]) < reach)
    columns = np.flatnonzero(np.abs(plane.y - v.centre[1]) < reach)
    if not len(rows) or not len(columns):
        return None
    part = (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
    dy, dz = plane.y[None, part[1]] - v.centre[1], plane.z[part[0], None] - v.centre[2]
    along, up = v.axes[1:, 1], v.axes[1:, 2]
    y, z = dy * along[0] + dz * along[1], dy * up[0] + dz * up[1]
    slope = float(np.tan(v.wedge / 2))
    depth = v.half_depth * (1 - beside**2) ** 0.5
    return _Frame(*part, y, z, depth, v.height / 2 + slope * y, -v.height / 2 - slope * y)


def add_body(
    image: Float, mask: NDArray[np.uint8], plane: Plane, v: Vertebra, sick: MarrowPatient, tones: Tones,
    texture: Float, number: int,
) -> None:  # fmt: skip
    """A vertebral body with its cortex, marrow and the disc below it; mask gets the number where the body is.

    texture [rows, columns] has unit variance.
    """
    disc = DISC_BELOW_MM[v.level] * sick.patient.scale
    frame = _frame(plane, v, disc)
    if frame is None:
        return
    change, marrow = v.change or _INTACT, sick.marrow.get(v.level, _PLAIN)
    view = image[frame.rows, frame.columns]
    _add_disc(view, frame, disc, tones, infected=v.level in sick.discs)
    surface = _surface(frame, v, change, marrow)
    _mix(view, inside(surface, 0.45), CORTEX)
    own = _marrow(frame, v, marrow, tones, texture[frame.rows, frame.columns])
    _mix(view, inside(surface + 0.9 * change.sclerosis, 0.45), own)
    mask[frame.rows, frame.columns][surface < 0] = number
    _add_spinous(view, frame, v, sick.patient.scale, tones, beside=abs(plane.x) > 4)


def _add_disc(view: Float, frame: _Frame, disc: float, tones: Tones, *, infected: bool) -> None:
    part = (
        inside(np.abs(frame.y) - frame.depth * 0.98, 0.6)
        * inside(frame.z - frame.bottom, 0.5)
        * inside(frame.bottom - disc * (0.6 if infected else 1.0) - frame.z, 0.5)
    )
    nucleus = 0.08 * np.exp(-((frame.y / frame.depth / 0.5) ** 2))
    _mix(view, part, tones.disc * (0.6 if infected else 0.8) + nucleus)


def _surface(frame: _Frame, v: Vertebra, change: Deformity, marrow: Marrow) -> Float:
    """Signed distance of the body's outline with its dents and bulge."""
    depth = frame.depth
    dent = max(change.middle - (change.anterior + change.posterior) / 2, 0) * v.height
    dent *= 0.5 if change.biconcave else 1.0
    hollow = dent * np.exp(-(((frame.y + 0.05 * depth) / (depth * 0.55)) ** 2))
    top, bottom = frame.top - hollow, frame.bottom + (hollow if change.biconcave else 0.0)
    for place, radius, side in change.nodes:
        node = radius * np.exp(-(((frame.y - place * depth * 0.6) / radius) ** 2))
        top, bottom = (top - node, bottom) if side > 0 else (top, bottom + node)
    waist = depth * (0.93 + 0.07 * (2 * frame.z / v.height) ** 2)
    waist = waist + marrow.bulge_mm * np.exp(-((frame.z / v.height / 0.3) ** 2))
    sides = (frame.z - top, bottom - frame.z, -frame.y - waist, frame.y - depth * 0.80)
    return np.asarray(np.maximum.reduce(sides), float)


def _marrow(frame: _Frame, v: Vertebra, marrow: Marrow, tones: Tones, texture: Float) -> Float:
    """Signal inside the body: its own texture, basivertebral vein, zones, lines, spots."""
    own = tones.marrow * marrow.overall * (1 + tones.spread * texture)
    vein = np.maximum(
        np.abs(frame.z) - v.height * 0.07 * (1 + frame.y / frame.depth), 0.25 * frame.depth - frame.y
    )
    own = own * (1 - 0.45 * inside(vein, 1.0))
    for zone in marrow.zones:
        part = _zone(frame, v, zone, texture)
        own = own + part * (tones.marrow * zone.ratio * (1 + 0.1 * texture) - own)
    if marrow.line:
        depth = (frame.top - frame.z) / v.height
        own = own * (
            1
            - 0.7
            * marrow.line
            * np.exp(-(((depth - 0.16 - 0.05 * frame.y / frame.depth) * v.height / 1.3) ** 2))
        )
    if marrow.endplate_line:
        own = own * (1 - marrow.endplate_line * np.exp(-((frame.top - frame.z - 1.2) ** 2)))
    for y, z, radius in marrow.spots:
        away = np.hypot(frame.y - y * frame.depth, frame.z - z * v.height) - radius * v.height * (
            1 + 0.15 * texture
        )
        stripes = 1 - 0.25 * (np.sin(frame.y * 2.2) > 0) if marrow.striped else 1.0
        own = own + inside(away, 1.0) * (tones.marrow * marrow.spot_ratio * stripes - own)
    return np.asarray(np.clip(own, 0.02, 0.98), float)


def _zone(frame: _Frame, v: Vertebra, zone: Zone, texture: Float) -> Float:
    distance = (frame.top - frame.z if zone.upper else frame.z - frame.bottom) / v.height
    limit = zone.extent * (1 + 0.12 * texture + 0.2 * np.sin(frame.y / frame.depth * 2 + 6.28 * zone.wave))
    return inside((distance - limit) * v.height, zone.edge_mm)


def _add_spinous(view: Float, frame: _Frame, v: Vertebra, s: float, tones: Tones, *, beside: bool) -> None:
    if beside:
        return
    y, z = frame.y - v.half_depth - 26 * s, frame.z + v.height * 0.25
    for size, value in (((13 * s, v.height * 0.26), 0.08), ((12 * s, v.height * 0.22), tones.marrow * 0.95)):
        _mix(view, inside(np.hypot(y / size[0], z / size[1]) - 1, 0.08), value)
