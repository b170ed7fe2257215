"""Write a bundle: arrays, metrics and card first, then bundle.json with their digests.

Promise: the same inputs give the same bytes, so a digest names a training run and not a moment.
Refuses: weights that float16 cannot hold.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workers.models import ood
from workers.models.bundle import DESCRIPTION, SCHEMA, digest_of

Array = NDArray[Any]


@dataclass
class Draft:
    """What training hands over. description holds every bundle.json key except schema, heads and files."""

    description: dict[str, Any]
    weights: Mapping[str, Array]
    reference: ood.Reference
    golden: Mapping[str, Array]
    metrics: Mapping[str, Any]
    card: str
    heads: Mapping[str, ood.LinearHead] = field(default_factory=dict)


def half_weights(model: Any) -> dict[str, Array]:
    """The model's variables as float16 by path."""
    halves = {}
    for variable in model.weights:
        values = np.asarray(variable, np.float32)
        halves[variable.path] = values.astype(np.float16)
        if not np.isfinite(halves[variable.path]).all():
            raise ValueError(f"{variable.path} does not fit float16")
    return halves


def canonical_json(data: Mapping[str, Any]) -> bytes:
    """Sorted, indented and ended by a newline: one meaning, one sequence of bytes."""
    return (json.dumps(data, indent=1, sort_keys=True, allow_nan=False) + "\n").encode()


def npz_bytes(arrays: Mapping[str, Array]) -> bytes:
    stream = io.BytesIO()
    np.savez_compressed(
        stream, allow_pickle=False, **{name: np.asarray(arrays[name]) for name in sorted(arrays)}
    )
    return stream.getvalue()


def _head_arrays(heads: Mapping[str, ood.LinearHead]) -> dict[str, Array]:
    arrays: dict[str, Array] = {}
    for name, head in heads.items():
        arrays |= {f"heads/{name}/weight": head.weight, f"heads/{name}/bias": head.bias}
    return arrays


def write(path: Path, draft: Draft) -> str:
    """Write the directory and return the bundle's digest."""
    path.mkdir(parents=True, exist_ok=True)
    contents = {
        "weights.npz": npz_bytes(draft.weights),
        "ood.npz": npz_bytes(draft.reference.to_arrays() | _head_arrays(draft.heads)),
        "golden.npz": npz_bytes(draft.golden),
        "metrics.json": canonical_json(draft.metrics),
        "card.md": draft.card.encode(),
    }
    description = draft.description | {
        "schema": SCHEMA,
        "heads": {name: list(head.labels) for name, head in draft.heads.items()},
        "files": {name: digest_of(data) for name, data in contents.items()},
    }
    for name, data in contents.items():
        (path / name).write_bytes(data)
    raw = canonical_json(description)
    (path / DESCRIPTION).write_bytes(raw)
    return digest_of(raw)


def write_pins(root: Path, digests: Mapping[str, str]) -> None:
    (root / "pins.json").write_bytes(canonical_json(dict(digests)))
