"""Bundles without weights, enough for interpretation; features at the origin are inside their distribution."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from workers.models import ood
from workers.models.bundle import Bundle, OperatingPoint
from workers.models.preprocess import PreprocessSpec

FEATURES = 4
LABELS: tuple[dict[str, Any], ...] = tuple(
    {
        "id": f"{view}_{device}",
        "view": view,
        "operative": "PREOP" if device == "NONE" else "POSTOP",
        "device": device,
    }
    for view in ("AP", "LATERAL")
    for device in ("NONE", "FUSION")
)


def reference() -> ood.Reference:
    """Return a reference around the origin: a feature vector of length above 2 is outside."""
    bank = np.zeros((8, FEATURES), np.float32)
    limits = np.full(2, 2.0, np.float32)
    return ood.Reference(
        np.zeros((1, FEATURES), np.float32), np.eye(FEATURES, dtype=np.float32), bank, 5, limits
    )


def bundle(name: str, **changes: Any) -> Bundle:
    """Return a bundle without weights, enough for interpretation."""
    base = Bundle(
        path=Path(name),
        digest="0" * 64,
        name=name,
        version="1",
        architecture="none",
        params={},
        preprocessing=PreprocessSpec(64, 32, (1.0, 99.0), "symmetric", 0.6),
        labels=LABELS,
        positive=None,
        scope={},
        calibration={"method": "none"},
        operating_points=(),
        ood_threshold=1.0,
        reference=reference(),
        heads={},
        provenance={"data_origin": "untrained"},
        description={},
        weights={},
        golden={},
        metrics={},
    )
    return replace(base, **changes)


GATE = bundle(
    "view-gate",
    heads={
        "coverage": ood.LinearHead(
            ("PARTIAL", "WHOLE"), np.eye(4, 2, dtype=np.float32), np.zeros(2, np.float32)
        )
    },
)
FRESH = bundle(
    "vertebra-fresh",
    labels=({"id": "normal"}, {"id": "old"}, {"id": "fresh"}),
    calibration={"method": "none", "study": {"aggregate": "max", "slope": 1.0, "intercept": 0.0}},
    operating_points=(OperatingPoint("triage", 0.5, {}),),
)
LOCATOR = bundle("vertebra-locator", calibration={"heatmap_threshold": 0.3, "typical_step_mm": 36.0})
