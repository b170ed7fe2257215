"""Bundles for the tests of their life: small, untrained, real; and files that only look like bundles."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

NAMES = ("weights.npz", "ood.npz", "golden.npz", "metrics.json", "card.md")


def digest_of(path: Path) -> str:
    """Return the SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def described(folder: Path, changes: Mapping[str, Any]) -> str:
    """Write bundle.json anew with these changes and the digests of what lies there; return its digest."""
    path = folder / "bundle.json"
    said = json.loads(path.read_bytes()) | dict(changes)
    said["files"] = {name: digest_of(folder / name) for name in NAMES}
    path.write_text(json.dumps(said, indent=1, sort_keys=True) + "\n")
    return digest_of(path)


def untrained(root: Path, name: str, version: str, seed: int = 1, **changes: Any) -> Path:
    """Return the folder of a small real bundle of that version; imports Keras."""
    from workers.training.untrained import write_untrained

    write_untrained(root / version, name, seed=seed)
    described(root / version / name, {"version": version, **changes})
    return root / version / name


def hollow(folder: Path, name: str = "vertebra-fresh", version: str = "1.1.0") -> Path:
    """Return a folder whose digests are right and whose arrays are none: whole as files, no network."""
    folder.mkdir(parents=True, exist_ok=True)
    for entry in NAMES:
        (folder / entry).write_bytes(f"{name} {version} {entry}".encode())
    (folder / "bundle.json").write_text("{}")
    about = {
        "name": name,
        "version": version,
        "provenance": {"data_origin": "synthetic-phantom"},
        "architecture": {"id": "spinenet/1", "params": {}},
    }
    described(folder, about)
    return folder


def facts(name: str = "vertebra-fresh", version: str = "1.1.0", letter: str = "a") -> dict[str, str]:
    """Return what an import hands to the store."""
    return {
        "name": name,
        "version": version,
        "digest": letter * 64,
        "data_origin": "synthetic-phantom",
        "architecture": "spinenet/1",
    }


def untrained_alignment(folder: Path, seed: int = 1) -> str:
    """Write a small real corner network as a bundle called alignment; return its digest. Imports Keras."""
    import keras
    import numpy as np

    from workers.models import architectures, bundle_write, ood
    from workers.models.preprocess import PreprocessSpec, scale_unit

    params = {"height": 64, "width": 32, "stem": 4, "widths": [4, 4, 8, 8]}
    spec = PreprocessSpec(64, 32, (0.5, 99.5), "symmetric")
    keras.utils.set_random_seed(seed)
    model = architectures.build("corners/1", params)
    weights = bundle_write.half_weights(model)
    for variable in model.weights:
        variable.assign(weights[variable.path].astype(np.float32))
    rng = np.random.default_rng(seed)
    units = rng.integers(0, 256, (4, 64, 32), dtype=np.uint8)
    inputs = np.stack([scale_unit(unit / np.float32(255.0), spec) for unit in units])[..., None]
    outputs = model(inputs, training=False)
    features = rng.normal(size=(64, int(outputs["features"].shape[-1]))).astype(np.float32)
    description = {
        "name": "alignment",
        "version": "0.0.0-untrained",
        "architecture": {"id": "corners/1", "params": params},
        "input": {"height": 64, "width": 32, "channels": 1},
        "preprocessing": spec.to_mapping(),
        "labels": [{"id": "VERTEBRAL_BODY"}],
        "positive": None,
        "scope": {"text": "untrained", "levels": []},
        "calibration": {"method": "none", "heatmap_threshold": 0.3, "corner_pixels": 1.0},
        "operating_points": [],
        "ood": {"threshold": 1e9, "false_reject_rate": None},
        "provenance": {"data_origin": "untrained", "seed": seed},
    }
    golden: dict[str, Any] = {"inputs": units, "logits": np.asarray(outputs["logits"], np.float32)}
    reference = ood.fit(features, np.arange(64) % 2, held_out=features, bank_size=16)
    draft = bundle_write.Draft(description, weights, reference, golden, {"untrained": True}, "# alignment\n")
    return bundle_write.write(folder, draft)
