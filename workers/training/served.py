"""Run trained networks over cached films the way the worker does: prepare, forward, locate, crop, classify."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workers.models import architectures, bundle_write
from workers.models.calibrate import sigmoid
from workers.models.locate import Chain, chain
from workers.models.preprocess import PreprocessSpec, crop_unit, scale_unit
from workers.training.batches import STRIDE, crop_body
from workers.training.cache import Body, Cache
from workers.training.tasks import FRESH, HEATMAP_THRESHOLD, Task

Array = NDArray[Any]
_BATCH = 16


class Network:
    """A network with the weights it will be served with: rounded to float16, computed in float32."""

    def __init__(self, task: Task, weights: Mapping[str, Array]) -> None:
        self.task = task
        self.model = architectures.build(task.architecture, task.params)
        for variable in self.model.weights:
            variable.assign(np.asarray(weights[variable.path], np.float16).astype(np.float32))

    def halves(self) -> dict[str, Array]:
        return bundle_write.half_weights(self.model)

    def run(self, units: Sequence[Array] | Array) -> dict[str, NDArray[np.float32]]:
        """Outputs for units [n, h, w] or [n, h, w, channels] in 0..1 or uint8; last_map is left out."""
        parts: dict[str, list[Array]] = {"logits": [], "features": []}
        for start in range(0, len(units), _BATCH):
            arrays = [_scaled(unit, self.task.preprocessing) for unit in units[start : start + _BATCH]]
            outputs = self.model(np.stack(arrays), training=False)
            for name, values in parts.items():
                values.append(np.asarray(outputs[name], np.float32))
        return {name: np.concatenate(values) for name, values in parts.items()}


def _scaled(unit: Array, spec: PreprocessSpec) -> NDArray[np.float32]:
    """[h, w, channels]; each channel is an image and scaled by itself."""
    values = unit.astype(np.float32) / np.float32(255) if unit.dtype == np.uint8 else unit
    channels = [values] if values.ndim == 2 else list(np.moveaxis(values, -1, 0))
    return np.stack([scale_unit(channel, spec) for channel in channels], axis=-1)


@dataclass(frozen=True)
class Located:
    """A film's chain in source pixels."""

    film: int
    points: NDArray[np.float64]
    angles: NDArray[np.float64]
    scores: NDArray[np.float64]


def locate_films(cache: Cache, locator: Network, films: NDArray[np.intp]) -> list[Located]:
    """Chains on the cached prepared films, mapped back to the films' own pixels."""
    found = []
    for start in range(0, len(films), _BATCH):
        part = films[start : start + _BATCH]
        maps = sigmoid(locator.run(cache.units[part])["logits"][..., 0]).astype(np.float32)
        for film, heatmap in zip(part, maps, strict=True):
            spine = chain(heatmap, stride=STRIDE, threshold=HEATMAP_THRESHOLD)
            found.append(_to_source(cache, int(film), spine))
    return found


def _to_source(cache: Cache, film: int, spine: Chain) -> Located:
    record = cache.films[film]
    points = spine.points * np.array(record["scale"]) + np.array(record["offset"])
    return Located(film, points, spine.angles, spine.scores)


def crop_located(cache: Cache, located: Located) -> list[NDArray[np.float32]]:
    image = cache.film(located.film)
    spacing = image.spacing_mm or (1.0, 1.0)
    return [
        crop_unit(image, (float(p[0]), float(p[1])), float(a), spacing, FRESH.preprocessing)[0]
        for p, a in zip(located.points, located.angles, strict=True)
    ]


def crop_bodies(cache: Cache, bodies: Sequence[Body]) -> list[NDArray[np.float32]]:
    return [crop_body(cache, body, None) for body in bodies]
