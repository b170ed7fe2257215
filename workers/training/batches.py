"""Endless batches for each network, as numpy: inputs and a dictionary of targets.

A target row of zeros carries no loss, so films without a label for one output ride along for another.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from workers.models.preprocess import crop_unit, scale_unit
from workers.training.augment import estrange, expose, vary
from workers.training.cache import Body, Cache
from workers.training.tasks import COVERAGES, FRESH, GATE, LOCATOR

Float = NDArray[np.float32]
Batch = tuple[Float, dict[str, Float]]
_SMOOTHING = 0.05
STRIDE = 4
HEAT_SIGMA_CELLS = 0.8


def _gate_targets(size: int) -> dict[str, Float]:
    return {
        "logits": np.zeros((size, len(GATE.labels)), np.float32),
        "coverage": np.zeros((size, len(COVERAGES)), np.float32),
        "outside": np.zeros((size, 1), np.float32),
    }


def gate_batches(cache: Cache, *, spines: int, others: int, seed: int) -> Iterator[Batch]:
    """Spine films balanced over the ten categories, beside strangers and spoilt films."""
    rng = np.random.default_rng([seed, 21])
    films = cache.film_indices("train")
    categories = np.array([cache.category(int(i)) for i in films])
    pools = [films[categories == value] for value in range(len(GATE.labels)) if (categories == value).any()]
    odd = cache.stranger_indices("train")
    spec = GATE.preprocessing
    while True:
        inputs = np.empty((spines + others, spec.height, spec.width, 1), np.float32)
        targets = _gate_targets(spines + others)
        for slot in range(spines + others):
            film = int(rng.choice(pools[int(rng.integers(len(pools)))]))
            if slot >= spines and rng.random() < 0.7:
                image, _, _ = vary(cache.stranger_units[int(rng.choice(odd))], rng)
            else:
                image, _, _ = vary(cache.units[film], rng)
                image = estrange(image, rng) if slot >= spines else image
            inputs[slot, ..., 0] = scale_unit(image, spec)
            if slot >= spines:
                targets["outside"][slot] = 1
                continue
            category = cache.category(film)
            targets["logits"][slot] = _SMOOTHING / len(GATE.labels)
            targets["logits"][slot, category] += 1 - _SMOOTHING
            targets["coverage"][slot, COVERAGES.index(cache.films[film]["coverage"])] = 1
        yield inputs, targets


def heat(points: NDArray[np.float64], rows: int, columns: int) -> Float:
    """Heat map of Gaussian spots at centres given in input pixels; each peaks at 1."""
    cells = (points + 0.5) / STRIDE - 0.5
    r, c = np.arange(rows, dtype=np.float32), np.arange(columns, dtype=np.float32)
    down = np.exp(-0.5 * ((r[None] - cells[:, :1]) / HEAT_SIGMA_CELLS) ** 2)
    across = np.exp(-0.5 * ((c[None] - cells[:, 1:]) / HEAT_SIGMA_CELLS) ** 2)
    spots = down[:, :, None] * across[:, None, :]
    return np.asarray(spots.max(axis=0, initial=0.0), np.float32)


def locator_batches(cache: Cache, *, size: int, seed: int) -> Iterator[Batch]:
    rng = np.random.default_rng([seed, 22])
    films = cache.film_indices("train", view="LATERAL")
    spec = LOCATOR.preprocessing
    rows, columns = spec.height // STRIDE, spec.width // STRIDE
    while True:
        inputs = np.empty((size, spec.height, spec.width, 1), np.float32)
        maps = np.empty((size, rows, columns, 1), np.float32)
        for slot, film in enumerate(rng.choice(films, size)):
            image, matrix, offset = vary(cache.units[film], rng)
            points = (cache.centres(int(film)) - offset) @ np.linalg.inv(matrix).T
            inputs[slot, ..., 0] = scale_unit(image, spec)
            maps[slot, ..., 0] = heat(points, rows, columns)
        yield inputs, {"logits": maps}


def crop_body(cache: Cache, body: Body, rng: np.random.Generator | None) -> Float:
    """The crop of a body in 0..1; with a generator, off centre and turned as the locator would have it."""
    image = cache.film(body.film)
    centre, angle, spacing = body.centre, body.angle, image.spacing_mm or (1.0, 1.0)
    if rng is not None:
        shift = rng.normal(0, 2.0, 2) / spacing[0]
        centre = (centre[0] + float(shift[0]), centre[1] + float(shift[1]))
        angle += float(rng.normal(0, np.deg2rad(5)))
        grow = float(np.exp(rng.uniform(-0.1, 0.1)))
        spacing = (spacing[0] * grow, spacing[1] * grow)
    unit, _ = crop_unit(image, centre, angle, spacing, FRESH.preprocessing)
    return unit


def crop_batches(cache: Cache, bodies: Sequence[Body], *, size: int, seed: int) -> Iterator[Batch]:
    """Half normal, a quarter old, a quarter fresh; both facing directions."""
    rng = np.random.default_rng([seed, 23])
    spec, classes = FRESH.preprocessing, len(FRESH.labels)
    pools = [[body for body in bodies if body.kind == kind] for kind in range(classes)]
    while True:
        inputs = np.empty((size, spec.height, spec.width, 1), np.float32)
        targets = np.full((size, classes), _SMOOTHING / classes, np.float32)
        for slot in range(size):
            kind = int(rng.choice(classes, p=(0.4, 0.3, 0.3)))
            body = pools[kind][int(rng.integers(len(pools[kind])))]
            unit = crop_body(cache, body, rng)
            unit = unit[:, ::-1].copy() if rng.random() < 0.5 else unit
            inputs[slot, ..., 0] = scale_unit(expose(unit, rng), spec)
            targets[slot, kind] += 1 - _SMOOTHING
        yield inputs, {"logits": targets}
