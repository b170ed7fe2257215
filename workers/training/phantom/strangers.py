"""Pictures that are no spine radiograph, to teach and to test abstention.

Rendered limbs, chests, skulls and pelves, drawn slices, patterns and spoilt spine films. They exist only inside training
and evaluation; the product has no class for them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from scipy.ndimage import gaussian_filter

from workers.training.phantom import display, physics
from workers.training.phantom.anatomy import sample_patient
from workers.training.phantom.camera import aim
from workers.training.phantom.chain import build_chain
from workers.training.phantom.radiograph import Exposure, compose, render
from workers.training.phantom.scene import BONE, METAL, SOFT, Scene, noise, textures

Float = NDArray[np.float32]
Rng = np.random.Generator


def _bench(rng: Rng, rows: int, height_mm: float) -> Scene:
    """An empty detector over the origin."""
    columns = round(rows * float(rng.uniform(0.4, 1.1)))
    camera = aim(
        "AP", rows, columns, height_mm * 1.05 / rows, np.zeros(3), distance=1100, gap=60,
        turn=float(rng.normal(0, 0.2)),
    )  # fmt: skip
    return Scene(camera, textures(rng, camera.pixel_mm))


def _expose(scene: Scene, rng: Rng) -> Float:
    scene.trace()
    signal = physics.detect(scene.paths, scene.camera.pixel_mm, rng)
    return display.mark_side(
        display.collimate(display.harmonise(signal, scene.camera.pixel_mm, rng), rng)[0], rng
    )


def _point(*values: float) -> NDArray[np.float64]:
    return np.array(values, float)


def hand(rng: Rng, rows: int) -> Float:
    """Five rays of three or four bones; also passes for a foot."""
    scene = _bench(rng, rows, float(rng.uniform(190, 260)))
    fan, flesh = float(rng.uniform(0.08, 0.22)), float(rng.uniform(1.0, 1.4))
    for finger in range(5):
        angle = (finger - 2) * fan + float(rng.normal(0, 0.03))
        direction = _point(np.sin(angle), 0, np.cos(angle))
        place = _point((finger - 2) * 9.0, 0, -20)
        for index, length in enumerate((52, 36, 23, 17)):
            if finger == 0 and index == 3:
                break
            size = length * float(rng.uniform(0.9, 1.1))
            end, radius = place + direction * size, 5.6 - index * 0.9
            scene.rod(BONE, place, end, radius, shell=1.3, inner=0.2)
            scene.rod(SOFT, place, end + direction * 3, radius * 2.1 * flesh)
            for tip in (place, end):
                scene.ball(BONE, tip, (radius * 1.35,) * 3, shell=0.8, inner=0.25)
            place = end + direction * 3.0
    scene.ball(SOFT, _point(0, 0, 0), (42, 13, 48))
    for _ in range(8):
        scene.ball(
            BONE,
            _point(rng.normal(0, 13), 0, rng.normal(-32, 7)),
            tuple(rng.uniform(5, 9, 3)),
            shell=0.8,
            inner=0.3,
        )
    for x in (-11, 11):
        scene.rod(BONE, _point(x, 0, -130), _point(x, 0, -44), 8, shell=2.2)
    scene.rod(SOFT, _point(0, 0, -130), _point(0, 0, -30), 27)
    return _expose(scene, rng)


def long_bone(rng: Rng, rows: int) -> Float:
    """A shaft or two with flared ends in the middle of the film: what a cheap view classifier takes for a spine."""
    scene = _bench(rng, rows, float(rng.uniform(220, 420)))
    lean = rng.normal(0, 0.08, 2)
    for index in range(int(rng.integers(1, 3))):
        radius = float(rng.uniform(8, 15)) * (0.55 if index else 1.0)
        x = index * float(rng.uniform(22, 34))
        top = _point(x + lean[0] * 160, 0, float(rng.uniform(70, 260)))
        end = _point(x - lean[0] * 160, 0, -float(rng.uniform(70, 260)))
        scene.rod(BONE, end, top, radius, shell=radius * 0.3, inner=0.08)
        for tip in (top, end):
            flare = (
                radius * float(rng.uniform(1.4, 2.6)),
                radius * 1.5,
                radius * float(rng.uniform(1.2, 2.2)),
            )
            scene.ball(BONE, tip, flare, shell=1.4, inner=0.22)
    scene.rod(SOFT, _point(8, 0, -320), _point(8, 0, 320), float(rng.uniform(38, 75)))
    if rng.random() < 0.3:
        scene.rod(METAL, _point(0, 6, -60), _point(0, 6, 80), 3.5)
    if rng.random() < 0.6:
        joint = float(rng.uniform(-100, 100))
        scene.ball(BONE, _point(6, 0, joint), (34, 26, 20), shell=1.5, inner=0.25)
        scene.ball(BONE, _point(6, 0, joint - 44), (34, 26, 18), shell=1.5, inner=0.25)
    return _expose(scene, rng)


def _body_part(rng: Rng, rows: int, view: str, region: str) -> Float:
    """A square-ish film of the phantom's trunk centred away from the spine."""
    patient = sample_patient(int(rng.integers(1 << 30)), child=bool(rng.random() < 0.2))
    chain, s = build_chain(patient), patient.scale
    places = {
        "chest": (chain[10].centre + _point(0, -45, 10), 400.0),
        "skull": (chain[-1].centre + _point(0, -15, 95), 250.0),
        "pelvis": (_point(0, -10, -95), 330.0),
    }
    middle, height = places[region]
    height *= float(rng.uniform(0.92, 1.12)) * s
    columns = round(rows * float(rng.uniform(0.88, 1.2)))
    camera = aim(view, rows, columns, height * 1.1 / rows, middle + rng.normal(0, 8, 3), distance=1500, gap=140,
                 turn=float(rng.normal(0, 0.1)))  # fmt: skip
    scene, _ = compose(patient, chain, camera, rng)
    if region == "chest":
        scene.paths[SOFT] *= np.float32(0.85)
    return _expose(scene, rng)


def chest_front(rng: Rng, rows: int) -> Float:
    return _body_part(rng, rows, "AP", "chest")


def chest_side(rng: Rng, rows: int) -> Float:
    return _body_part(rng, rows, "LATERAL", "chest")


def skull(rng: Rng, rows: int) -> Float:
    return _body_part(rng, rows, str(rng.choice(["AP", "LATERAL"])), "skull")


def pelvis(rng: Rng, rows: int) -> Float:
    return _body_part(rng, rows, "AP", "pelvis")


def _spine_film(rng: Rng, rows: int) -> Float:
    patient = sample_patient(
        int(rng.integers(1 << 30)), child=bool(rng.random() < 0.4), fractures=int(rng.integers(0, 2))
    )
    field = str(rng.choice(["WHOLE", "LUMBAR", "THORACOLUMBAR"]))
    return render(patient, Exposure(str(rng.choice(["AP", "LATERAL"])), field, rows=rows)).pixels


def lying_spine(rng: Rng, rows: int) -> Float:
    return np.rot90(_spine_film(rng, rows), int(rng.choice([1, 3]))).copy()


def hanging_spine(rng: Rng, rows: int) -> Float:
    return _spine_film(rng, rows)[::-1].copy()


def inverted_spine(rng: Rng, rows: int) -> Float:
    return np.asarray(1 - _spine_film(rng, rows), np.float32)


def axial_slice(rng: Rng, rows: int) -> Float:
    """A drawn cross-section: body, ring of bone, organs."""
    canvas = Image.new("L", (rows, rows), 0)
    pen = ImageDraw.Draw(canvas)
    half = rows / 2
    a, b = half * float(rng.uniform(0.6, 0.95)), half * float(rng.uniform(0.5, 0.9))
    pen.ellipse((half - a, half - b, half + a, half + b), fill=int(rng.integers(80, 150)))
    if rng.random() < 0.4:
        pen.ellipse(
            (half - a, half - b, half + a, half + b),
            outline=255,
            width=max(2, rows // int(rng.integers(14, 40))),
        )
    for _ in range(int(rng.integers(3, 14))):
        x, y = half + rng.normal(0, 0.4) * a, half + rng.normal(0, 0.4) * b
        r, q = rng.uniform(0.05, 0.3, 2) * half
        pen.ellipse((x - r, y - q, x + r, y + q), fill=int(rng.integers(20, 256)))
    return _roughen(canvas, rng, 0.06)


def _roughen(canvas: Image.Image, rng: Rng, strength: float) -> Float:
    picture = np.asarray(canvas, np.float32) / np.float32(255)
    smooth = gaussian_filter(picture, float(rng.uniform(0.5, 2.0)))
    rows, columns = picture.shape
    field = 1 + 0.3 * noise(rng, rows, columns, max(rows, columns) / 2, 1)
    grain = rng.standard_normal(picture.shape, np.float32) * np.float32(rng.uniform(0.2, 1) * strength)
    return np.asarray(np.clip(smooth * field + grain, 0, 1), np.float32)


def sagittal_slice(rng: Rng, rows: int) -> Float:
    """A drawn sagittal MR or CT of the spine: bodies, discs, canal, cord, fat; a section, not a projection."""
    patient = sample_patient(int(rng.integers(1 << 30)))
    chain = build_chain(patient)
    first = int(rng.integers(0, 12))
    part = chain[first : first + int(rng.integers(6, 10))]
    spread = np.array([(v.centre[1], v.centre[2]) for v in part])
    scale = rows / (float(np.ptp(spread[:, 1])) * 1.15 + 30)
    middle = spread.mean(axis=0) + np.array([float(rng.uniform(-15, 25)), 0.0])

    def at(y: float, z: float) -> tuple[float, float]:
        return (rows / 2 + (y - middle[0]) * scale, rows / 2 - (z - middle[1]) * scale)

    marrow, disc, fluid, cord, fat, muscle = (
        int(g) for g in rng.uniform((60, 20, 10, 60, 130, 20), (220, 200, 255, 180, 255, 110))
    )
    canvas = Image.new("L", (rows, rows), muscle)
    pen = ImageDraw.Draw(canvas)
    wide = max(2, round(13 * scale))
    spine = [at(v.centre[1] + v.half_depth + 9, v.centre[2]) for v in part]
    pen.line([at(v.centre[1] + 75, v.centre[2]) for v in part], fill=fat, width=wide * 3)
    pen.line(
        [at(v.centre[1], v.centre[2]) for v in part], fill=disc, width=round(part[0].half_depth * 1.7 * scale)
    )
    pen.line(spine, fill=fluid, width=wide)
    pen.line(spine, fill=cord, width=max(1, wide // 2))
    for v in part:
        corners = [
            v.at(0, y * v.half_depth, z * v.height / 2) for y, z in ((-1, 1), (0.75, 1), (0.75, -1), (-1, -1))
        ]
        pen.polygon([at(c[1], c[2]) for c in corners], fill=marrow)
    return _roughen(canvas, rng, 0.05)


def jaw_panorama(rng: Rng, rows: int) -> Float:
    """Two arcs of bright teeth on a wide film."""
    columns = rows * 2
    canvas = Image.new("L", (columns, rows), int(rng.integers(40, 110)))
    pen = ImageDraw.Draw(canvas)
    bend = float(rng.uniform(0.1, 0.25)) * rows
    for x in np.linspace(columns * 0.2, columns * 0.8, 16):
        y = rows * 0.55 - bend * (2 * (x / columns - 0.5)) ** 2 * 2
        for up in (-1, 1):
            length, half = up * rows * float(rng.uniform(0.12, 0.2)), columns * 0.015
            box = sorted([y, y + length])
            pen.rectangle((x - half, box[0], x + half, box[1]), fill=int(rng.integers(150, 250)))
    pen.arc((columns * 0.12, -rows * 0.4, columns * 0.88, rows * 0.95), 10, 170, fill=200, width=rows // 25)
    return _roughen(canvas, rng, 0.06)


def texture(rng: Rng, rows: int) -> Float:
    """Noise of any grain, gradients and stripes."""
    columns = round(rows * float(rng.uniform(0.5, 1.4)))
    picture = 0.5 + 0.2 * noise(
        rng, rows, columns, float(rng.uniform(1.5, rows / 2)), int(rng.integers(1, 5))
    )
    ramp = np.linspace(0, float(rng.uniform(-0.6, 0.6)), rows, dtype=np.float32)[:, None]
    if rng.random() < 0.3:
        ramp = ramp + 0.3 * np.sin(np.arange(rows, dtype=np.float32) * float(rng.uniform(0.02, 0.8)))[:, None]
    return np.asarray(np.clip(picture + ramp, 0, 1), np.float32)


def pattern(rng: Rng, rows: int) -> Float:
    """Test charts, scanned pages, photographs of things: shapes and letters."""
    columns = round(rows * float(rng.uniform(0.5, 1.4)))
    canvas = Image.new("L", (columns, rows), int(rng.integers(0, 256)))
    pen = ImageDraw.Draw(canvas)
    for _ in range(int(rng.integers(2, 40))):
        x, y = sorted(rng.uniform(0, columns, 2)), sorted(rng.uniform(0, rows, 2))
        fill, shape = int(rng.integers(0, 256)), rng.integers(0, 4)
        if shape == 0:
            pen.rectangle((x[0], y[0], x[1], y[1]), fill=fill)
        elif shape == 1:
            pen.ellipse((x[0], y[0], x[1], y[1]), fill=fill)
        elif shape == 2:
            pen.line((x[0], y[0], x[1], y[1]), fill=fill, width=int(rng.integers(1, 12)))
        else:
            font = ImageFont.load_default(size=float(rng.uniform(10, rows / 6)))
            pen.text((x[0], y[0]), "PHANTOM", fill=fill, font=font)
    return _roughen(canvas, rng, 0.08)


STRANGERS: Mapping[str, Callable[[Rng, int], Float]] = {
    "hand": hand,
    "long_bone": long_bone,
    "chest_front": chest_front,
    "chest_side": chest_side,
    "skull": skull,
    "pelvis": pelvis,
    "lying_spine": lying_spine,
    "hanging_spine": hanging_spine,
    "inverted_spine": inverted_spine,
    "axial_slice": axial_slice,
    "sagittal_slice": sagittal_slice,
    "jaw_panorama": jaw_panorama,
    "texture": texture,
    "pattern": pattern,
}


def draw(kind: str, seed: int, rows: int) -> Float:
    """A picture 0..1 of a kind from its seed."""
    rng = np.random.default_rng([seed, 7, sorted(STRANGERS).index(kind)])
    return STRANGERS[kind](rng, rows)
