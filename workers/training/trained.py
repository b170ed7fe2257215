"""Train one network from a cache and keep its weights and training heads as plain arrays."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workers.models import architectures
from workers.training.batches import Batch, crop_batches, gate_batches, locator_batches
from workers.training.cache import Cache
from workers.training.fit import Echo, Recipe, fit
from workers.training.tasks import TASKS, Task

Array = NDArray[Any]
_GATE_WEIGHTS = {"logits": 1.0, "coverage": 0.3, "outside": 0.6}
RECIPES: Mapping[str, Mapping[str, Recipe]] = {
    "full": {
        "view-gate": Recipe(1000, 3e-3, 2e-3, _GATE_WEIGHTS),
        "vertebra-locator": Recipe(700, 3e-3, 1e-3, {"logits": 1.0}),
        "vertebra-fresh": Recipe(1400, 3e-3, 2e-3, {"logits": 1.0}),
    },
    "small": {
        "view-gate": Recipe(120, 3e-3, 2e-3, _GATE_WEIGHTS),
        "vertebra-locator": Recipe(120, 3e-3, 1e-3, {"logits": 1.0}),
        "vertebra-fresh": Recipe(120, 3e-3, 2e-3, {"logits": 1.0}),
    },
    "tiny": {
        "view-gate": Recipe(3, 3e-3, 2e-3, _GATE_WEIGHTS),
        "vertebra-locator": Recipe(3, 3e-3, 1e-3, {"logits": 1.0}),
        "vertebra-fresh": Recipe(3, 3e-3, 2e-3, {"logits": 1.0}),
    },
}


def _batches(task: Task, cache: Cache, seed: int, tiny: bool) -> Iterator[Batch]:
    share = 4 if tiny else 1
    if task.name == "view-gate":
        return gate_batches(cache, spines=24 // share, others=8 // share, seed=seed)
    if task.name == "vertebra-locator":
        return locator_batches(cache, size=16 // share, seed=seed)
    bodies = cache.bodies(cache.film_indices("train", kept=True))
    return crop_batches(cache, bodies, size=32 // share, seed=seed)


def train(name: str, cache: Cache, out: Path, *, scale: str, seed: int, echo: Echo) -> Path:
    """Weights of a task to out/<name>.npz: variables by path, training heads under heads/."""
    task = TASKS[name]
    model = architectures.build(task.architecture, task.params)
    batches = _batches(task, cache, seed, scale == "tiny")
    wrapped = fit(model, task, batches, RECIPES[scale][name], seed, echo)
    arrays: dict[str, Array] = {variable.path: np.asarray(variable, np.float32) for variable in model.weights}
    for head in ("coverage", "outside") if name == "view-gate" else ():
        layer = wrapped.get_layer(head)
        arrays[f"heads/{head}/weight"] = np.asarray(layer.kernel, np.float32)
        arrays[f"heads/{head}/bias"] = np.asarray(layer.bias, np.float32)
    out.mkdir(parents=True, exist_ok=True)
    path = out / f"{name}.npz"
    np.savez(path, **arrays)  # type: ignore[arg-type]  # numpy's stub takes the names for keyword options
    return path


def load_trained(path: Path) -> tuple[dict[str, Array], dict[str, Array]]:
    """Network weights and training heads."""
    with np.load(path, allow_pickle=False) as archive:
        arrays = {name: archive[name] for name in archive.files}
    heads = {name: values for name, values in arrays.items() if name.startswith("heads/")}
    return {name: values for name, values in arrays.items() if name not in heads}, heads
