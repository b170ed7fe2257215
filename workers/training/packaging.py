"""What the three bundles have in common on their way out: provenance, golden vectors, the draft."""

from __future__ import annotations

import importlib.metadata
import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workers.models import ood
from workers.models.bundle_write import Draft, canonical_json
from workers.training.cache import Cache
from workers.training.card import PHANTOMS, render_card
from workers.training.served import Network
from workers.training.tasks import Task
from workers.training.untrained import describe

Array = NDArray[Any]
VERSION = "1.0.0"
_GOLDEN = 4


def provenance(cache: Cache, seed: int, scale: str, trained_at: str) -> dict[str, Any]:
    import keras

    return {
        "data_origin": PHANTOMS,
        "seed": seed,
        "scale": scale,
        "data_seed": cache.seed,
        "data_manifest_sha256": cache.digest,
        "keras": importlib.metadata.version("keras"),
        "backend": keras.backend.backend(),
        "trained_at": trained_at,
    }


def golden(network: Network, units: Array) -> dict[str, Array]:
    """A few inputs as uint8 and the logits they gave."""
    chosen = np.asarray(units[:_GOLDEN], np.uint8)
    return {"inputs": chosen, "logits": network.run(chosen)["logits"]}


def threshold_at(scores: Array, false_reject: float) -> float:
    """The score that the given share of calibration films exceeds; 1, the limit itself, where there are none."""
    return float(np.quantile(scores, 1 - false_reject)) if len(scores) else 1.0


def finite(data: Any) -> Any:
    """JSON has no NaN: a figure that could not be measured (an empty subgroup) becomes null."""
    if isinstance(data, Mapping):
        return {str(key): finite(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [finite(value) for value in data]
    if isinstance(data, float) and not math.isfinite(data):
        return None
    return data


def draft(
    task: Task,
    network: Network,
    *,
    origin: Mapping[str, Any],
    calibration: Mapping[str, Any],
    operating_points: list[dict[str, Any]],
    out_of_distribution: Mapping[str, Any],
    reference: ood.Reference,
    examples: Array,
    metrics: Mapping[str, Any],
    heads: Mapping[str, ood.LinearHead] | None = None,
    version: str = VERSION,
) -> Draft:
    description = describe(task) | {
        "version": version,
        "calibration": dict(calibration),
        "operating_points": finite(operating_points),
        "ood": finite(out_of_distribution),
        "provenance": dict(origin),
    }
    # Sorted as the file will be, so that the card can be rendered again from the file.
    metrics = json.loads(canonical_json(finite(metrics)))
    description = json.loads(canonical_json(description))
    card = render_card(description, metrics)
    return Draft(
        description, network.halves(), reference, golden(network, examples), metrics, card, dict(heads or {})
    )  # fmt: skip
