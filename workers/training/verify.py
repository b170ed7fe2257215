"""Load every pinned bundle and reproduce its golden vectors."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from workers.models.bundle import BUNDLES, Bundle, BundleRejected, load_pinned, pins

GOLDEN_TOLERANCE = 1e-3


def golden_error(bundle: Bundle) -> float:
    """Largest difference of a logit from the packaged one, in float32."""
    outputs = bundle.build_model()(bundle.golden_inputs(), training=False)
    return float(np.abs(np.asarray(outputs["logits"]) - bundle.golden["logits"]).max())


def verify_all(root: Path | None, *, golden: bool, echo: Callable[[str], None]) -> int:
    """0 when every bundle is as pinned and answers as packaged, otherwise 1."""
    wrong = 0
    for name in pins((root or BUNDLES) / "pins.json"):
        try:
            bundle = load_pinned(name, root or BUNDLES)
        except BundleRejected as error:
            echo(f"{name}: REJECTED: {error}")
            wrong = 1
            continue
        difference = golden_error(bundle) if golden else 0.0
        bad = difference > GOLDEN_TOLERANCE
        wrong |= int(bad)
        echo(
            f"{name} {bundle.version} {bundle.digest[:12]}: {'GOLDEN VECTORS DIFFER' if bad else 'ok'} ({difference:.1e})"
        )
    return wrong
