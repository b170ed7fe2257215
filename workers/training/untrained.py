"""Small bundles with random weights, for tests of whatever loads and serves bundles.

They are valid in every respect but sense: data_origin is "untrained", and every figure is null.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workers.models import architectures, bundle_write, ood
from workers.models.preprocess import PreprocessSpec, scale_unit
from workers.training.tasks import COVERAGES, HEATMAP_THRESHOLD, TASKS, TYPICAL_STEP_MM, Task

_SMALL: dict[str, dict[str, Any]] = {
    "view-gate": {"height": 64, "width": 32, "stem": 4, "widths": [4, 4, 8, 8]},
    "vertebra-locator": {"height": 64, "width": 32, "stem": 4, "widths": [4, 4, 8, 8]},
    "vertebra-fresh": {"height": 64, "width": 64, "stem": 4, "widths": [4, 4, 8, 8]},
}


def shrink(task: Task) -> Task:
    """The same task with a network of a few thousand weights."""
    params = dict(task.params) | _SMALL[task.name]
    spec = task.preprocessing
    scale = spec.height / params["height"]
    spacing = None if spec.spacing_mm is None else spec.spacing_mm * scale
    small = PreprocessSpec(params["height"], params["width"], spec.window, spec.scaling, spacing)
    return replace(task, params=params, preprocessing=small)


def describe(task: Task) -> dict[str, Any]:
    """The part of bundle.json that does not come from training."""
    return {
        "name": task.name,
        "architecture": {"id": task.architecture, "params": dict(task.params)},
        "input": {
            "height": task.params["height"],
            "width": task.params["width"],
            "channels": architectures.of(task.architecture).channels,
        },
        "preprocessing": task.preprocessing.to_mapping(),
        "labels": [dict(label) for label in task.labels],
        "positive": task.positive,
        "scope": dict(task.scope),
    }


def default_calibration(task: Task) -> dict[str, Any]:
    if task.name == "vertebra-locator":
        return {"method": "none", "heatmap_threshold": HEATMAP_THRESHOLD, "typical_step_mm": TYPICAL_STEP_MM}
    calibration: dict[str, Any] = {"method": "temperature", "temperature": 1.0}
    if task.name == "vertebra-fresh":
        calibration["study"] = {"aggregate": "max", "slope": 1.0, "intercept": 0.0}
    return calibration


def _description(task: Task, seed: int) -> dict[str, Any]:
    points = []
    if task.positive:
        points = [
            {"name": "triage", "target": None, "threshold": 0.5, "sensitivity": None, "specificity": None}
        ]
    return describe(task) | {
        "version": "0.0.0-untrained",
        "calibration": default_calibration(task),
        "operating_points": points,
        "ood": {"threshold": 1e9, "false_reject_rate": None},
        "provenance": {"data_origin": "untrained", "seed": seed},
    }


def write_untrained(root: Path, name: str, *, seed: int = 0, small: bool = True) -> str:
    """Write root/name and return its digest; imports Keras."""
    import keras

    task = shrink(TASKS[name]) if small else TASKS[name]
    keras.utils.set_random_seed(seed)
    model = architectures.build(task.architecture, task.params)
    weights = bundle_write.half_weights(model)
    for variable in model.weights:
        variable.assign(weights[variable.path].astype(np.float32))
    rng = np.random.default_rng(seed)
    spec = task.preprocessing
    units = rng.integers(0, 256, (4, spec.height, spec.width), dtype=np.uint8)
    arrays = np.stack([scale_unit(unit / np.float32(255.0), spec) for unit in units])[..., None]
    outputs = model(arrays, training=False)
    size = int(outputs["features"].shape[-1])
    heads = {}
    if name == "view-gate":
        heads["coverage"] = ood.LinearHead(
            COVERAGES, rng.normal(size=(size, 2)).astype(np.float32), np.zeros(2, np.float32)
        )
    features = rng.normal(size=(64, size)).astype(np.float32)
    reference = ood.fit(features, np.arange(64) % 2, held_out=features, bank_size=16)
    golden: dict[str, NDArray[Any]] = {"inputs": units, "logits": np.asarray(outputs["logits"], np.float32)}
    draft = bundle_write.Draft(
        _description(task, seed),
        weights,
        reference,
        golden,
        {"untrained": True},
        f"# {name}\n\nUntrained.\n",
        heads,
    )
    return bundle_write.write(root / name, draft)


def write_all_untrained(root: Path, *, seed: int = 0) -> dict[str, str]:
    """All three small bundles and their pins.json below root."""
    digests = {name: write_untrained(root, name, seed=seed) for name in TASKS}
    bundle_write.write_pins(root, digests)
    return digests
