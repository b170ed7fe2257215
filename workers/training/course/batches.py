"""Batches of an epoch: each a function of the seed, the epoch and the examples, so that a resumed training sees the same."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from triage.domain.finding import View
from workers.dataset.examples import BODIES, Example, view_of
from workers.models.networks.corners import ANCHORED, CHANNELS, HIGHEST, LOWEST
from workers.models.preprocess import PreprocessSpec, scale_unit
from workers.training.augment import vary
from workers.training.batches import HEAT_SIGMA_CELLS, STRIDE
from workers.training.course.material import Material
from workers.training.course.recipe import UNET, Recipe
from workers.training.tasks import Task

Float = NDArray[np.float32]
Batch = tuple[Float, Float]
# In a mirrored image upper left stands where upper right was, and lower right where lower left was.
_MIRRORED = (1, 0, 3, 2)


def order_of(material: Material, recipe: Recipe, epoch: int) -> NDArray[np.intp]:
    """Rows of the training split [steps, batch] in the order of an epoch; what fills no batch waits for another."""
    rows = material.rows("train")
    size = min(recipe.batch, len(rows))
    shuffled = np.random.default_rng([recipe.seed, 31, epoch]).permutation(rows)
    return shuffled[: len(rows) // size * size].reshape(-1, size)


def varied(material: Material, task: Task, recipe: Recipe, rows: NDArray[np.intp], epoch: int) -> Batch:
    """A training batch: inputs [n, h, w, channels] and targets."""
    labels = material.labels
    inputs, targets = [], []
    for row in rows:
        rng = np.random.default_rng([recipe.seed, 32, epoch, int(row)])
        image, corners = _vary(material, recipe, int(row), rng)
        inputs.append(_scaled(image, task.preprocessing))
        if recipe.subject.reads == BODIES:
            targets.append(body_map(recipe, corners, task.preprocessing, anchors_of(material.examples[row])))
        else:
            targets.append(soft(int(labels[row]), len(task.labels), recipe.smoothing))
    return np.stack(inputs), np.stack(targets)


def plain(material: Material, task: Task, recipe: Recipe, size: int, split: str) -> Iterator[Batch]:
    """A split as it is, in order."""
    labels, rows = material.labels, material.rows(split)
    for start in range(0, len(rows), size):
        part = rows[start : start + size]
        images = [np.asarray(material.units[row], np.float32) / np.float32(255) for row in part]
        if recipe.subject.reads == BODIES:
            targets = [
                body_map(
                    recipe,
                    material.shown[row].corners,
                    task.preprocessing,
                    anchors_of(material.examples[row]),
                )
                for row in part
            ]
        else:
            targets = [soft(int(labels[row]), len(task.labels), 0.0) for row in part]
        yield np.stack([_scaled(image, task.preprocessing) for image in images]), np.stack(targets)


def _vary(
    material: Material, recipe: Recipe, row: int, rng: np.random.Generator
) -> tuple[Float, NDArray[np.float64]]:
    """[h, w, channels] in 0..1 and the corners moved along; each image of a pair is varied by itself."""
    unit, corners = np.asarray(material.units[row]), material.shown[row].corners
    if not recipe.augment:
        return np.asarray(unit, np.float32) / np.float32(255), corners
    channels = []
    for channel in np.moveaxis(unit, -1, 0):
        image, matrix, offset = vary(
            np.ascontiguousarray(channel), rng, strength=recipe.augment, mirror=recipe.subject.mirror
        )
        channels.append(image)
    moved = (corners - offset) @ np.linalg.inv(matrix).T
    if np.linalg.det(matrix) < 0:
        moved = moved[:, _MIRRORED]
    return np.stack(channels, axis=-1), moved


def _scaled(image: Float, spec: PreprocessSpec) -> Float:
    return np.stack([scale_unit(channel, spec) for channel in np.moveaxis(image, -1, 0)], axis=-1)


def soft(label: int, classes: int, smoothing: float) -> Float:
    target = np.full(classes, smoothing / classes, np.float32)
    target[label] += 1 - smoothing
    return target


Anchors = tuple[int | None, int | None]


def anchors_of(example: Example) -> Anchors:
    """Which bodies of an image levels are counted from, by place: the lowest of a whole spine, and T1."""
    levels = [case.level.upper() for case in example.cases]
    lowest = "S1" if view_of(example.cases[0]) == View.LATERAL.value else "L5"
    return _place(levels, lowest), _place(levels, "T1")


def _place(levels: list[str], level: str) -> int | None:
    return levels.index(level) if level in levels else None


def corner_map(corners: NDArray[np.float64], spec: PreprocessSpec, anchors: Anchors = (None, None)) -> Float:
    """[h/4, w/4, 11] as networks/corners.py has it: spots at the bodies' centres, offsets to their corners in cells, spots at the anchors."""
    rows, columns = spec.height // STRIDE, spec.width // STRIDE
    found = np.zeros((rows, columns, ANCHORED), np.float32)
    if not len(corners):
        return found
    cells = (corners + 0.5) / STRIDE - 0.5
    centres = cells.mean(axis=1)
    r, c = np.arange(rows, dtype=np.float32), np.arange(columns, dtype=np.float32)
    down = np.exp(-0.5 * ((r[None] - centres[:, :1]) / HEAT_SIGMA_CELLS) ** 2)
    across = np.exp(-0.5 * ((c[None] - centres[:, 1:]) / HEAT_SIGMA_CELLS) ** 2)
    spots = down[:, :, None] * across[:, None, :]
    nearest = spots.argmax(axis=0)
    found[..., 0] = spots.max(axis=0)
    grid = np.stack(np.meshgrid(r, c, indexing="ij"), axis=-1)
    found[..., 1:CHANNELS] = (cells[nearest] - grid[:, :, None, :]).reshape(rows, columns, CHANNELS - 1)
    # Far from any body an offset means nothing and would only make large numbers.
    found[..., 1:CHANNELS] *= (found[..., :1] > 1e-3).astype(np.float32)
    for channel, place in zip((LOWEST, HIGHEST), anchors, strict=True):
        if place is not None:
            found[..., channel] = spots[place]
    return found


def body_map(recipe: Recipe, corners: NDArray[np.float64], spec: PreprocessSpec, anchors: Anchors) -> Float:
    """What the recipe's network is to answer where bodies with these corners are."""
    return body_mask(corners, spec) if recipe.backbone == UNET else corner_map(corners, spec, anchors)


def body_mask(corners: NDArray[np.float64], spec: PreprocessSpec) -> Float:
    """[h, w, 1]: 1 in the bodies, whose corners go clockwise in the image, 0 elsewhere, between them within half a pixel."""
    mask = np.zeros((spec.height, spec.width), np.float32)
    rows, columns = np.mgrid[: spec.height, : spec.width]
    for body in corners:
        top, left = np.maximum(np.floor(body.min(axis=0)).astype(int) - 1, 0)
        bottom, right = np.maximum(np.ceil(body.max(axis=0)).astype(int) + 2, 0)
        part = np.s_[top:bottom, left:right]
        edges = np.roll(body, -1, axis=0) - body
        edges /= np.maximum(np.hypot(edges[:, 0], edges[:, 1]), 1e-9)[:, None]
        below, beside = rows[part][..., None] - body[:, 0], columns[part][..., None] - body[:, 1]
        within = edges[:, 1] * below - edges[:, 0] * beside
        mask[part] = np.maximum(mask[part], np.clip(within.min(axis=-1) + 0.5, 0.0, 1.0))
    return mask[..., None]
