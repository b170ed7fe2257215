"""Bundles: what is served is byte for byte what was packaged and pinned."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from triage.domain.model import SERVED
from workers.models import bundle
from workers.models.bundle import FILES, BundleRejected, digest_of, load, load_pinned, pins
from workers.models.bundle_write import canonical_json, npz_bytes
from workers.training.tasks import TASKS
from workers.training.untrained import write_all_untrained


@pytest.fixture(scope="module")
def originals(runtime: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("bundles")
    write_all_untrained(root)
    return root


@pytest.fixture
def root(originals: Path, tmp_path: Path) -> Path:
    copy = tmp_path / "bundles"
    shutil.copytree(originals, copy)
    return copy


def test_an_untouched_bundle_loads_and_reproduces_its_golden_vectors(root: Path) -> None:
    for name in TASKS:
        loaded = load_pinned(name, root)
        outputs = loaded.build_model()(loaded.golden_inputs(), training=False)
        assert set(outputs) == {"logits", "features", "last_map"}
        assert np.abs(np.asarray(outputs["logits"]) - loaded.golden["logits"]).max() < 1e-3


def test_writing_twice_gives_the_same_digests(root: Path, tmp_path: Path) -> None:
    assert pins(root / "pins.json") == write_all_untrained(tmp_path / "again")


@pytest.mark.parametrize("name", [*FILES, "bundle.json"])
@pytest.mark.parametrize("place", [0.0, 0.31, 0.77, 1.0])
def test_any_changed_byte_is_refused_and_named(root: Path, name: str, place: float) -> None:
    path = root / "view-gate" / name
    data = bytearray(path.read_bytes())
    data[int(place * (len(data) - 1))] ^= 0x20
    path.write_bytes(bytes(data))
    with pytest.raises(BundleRejected, match=name.replace(".", r"\.")):
        load_pinned("view-gate", root)


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_refused_and_named(root: Path, name: str) -> None:
    (root / "view-gate" / name).unlink()
    with pytest.raises(BundleRejected, match=name.replace(".", r"\.")):
        load_pinned("view-gate", root)


def test_an_extra_file_is_refused(root: Path) -> None:
    (root / "view-gate" / "extra.py").write_text("")
    with pytest.raises(BundleRejected, match=r"extra\.py"):
        load_pinned("view-gate", root)


def test_a_bundle_without_a_pin_is_refused(root: Path) -> None:
    with pytest.raises(BundleRejected, match="no pin"):
        load_pinned("view-gates", root)


def _rewrite(root: Path, change: dict[str, object], weights: bytes | None = None) -> str:
    path = root / "view-gate" / "bundle.json"
    data = json.loads(path.read_bytes()) | change
    if weights is not None:
        (root / "view-gate" / "weights.npz").write_bytes(weights)
        data["files"]["weights.npz"] = digest_of(weights)
    raw = canonical_json(data)
    path.write_bytes(raw)
    return digest_of(raw)


def test_an_unknown_architecture_is_refused_even_when_pinned(root: Path) -> None:
    digest = _rewrite(root, {"architecture": {"id": "os.system", "params": {}}})
    with pytest.raises(BundleRejected, match="unknown architecture"):
        load(root / "view-gate", digest).build_model()


def test_pickled_weights_are_refused_even_when_pinned(root: Path) -> None:
    import io

    stream = io.BytesIO()
    np.savez(stream, evil=np.array([{"a": 1}], dtype=object))
    digest = _rewrite(root, {}, stream.getvalue())
    with pytest.raises(BundleRejected, match=r"weights\.npz"):
        load(root / "view-gate", digest)


def test_weights_of_another_shape_are_refused(root: Path) -> None:
    digest = _rewrite(root, {}, npz_bytes({"stem/kernel": np.zeros((2, 2), np.float16)}))
    with pytest.raises(BundleRejected, match="do not fit"):
        load(root / "view-gate", digest).build_model()


def test_a_bundle_of_another_schema_is_refused(root: Path) -> None:
    digest = _rewrite(root, {"schema": "somebody-elses/9"})
    with pytest.raises(BundleRejected, match="schema"):
        load(root / "view-gate", digest)


@pytest.mark.parametrize("torn", [b"", b"{", b"[]", b"\xff"])
def test_pins_that_are_no_table_reject_the_bundle_instead_of_crashing(torn: bytes, root: Path) -> None:
    (root / "pins.json").write_bytes(torn)
    with pytest.raises(BundleRejected, match=r"pins\.json"):
        load_pinned("view-gate", root)


def test_the_shipped_bundles_are_as_pinned_small_and_say_that_they_are_synthetic() -> None:
    assert set(bundle.NAMES) <= set(pins()) <= set(SERVED)
    for name in pins():
        shipped = load_pinned(name)
        assert shipped.data_origin == "synthetic-phantom"
        assert sum(path.stat().st_size for path in shipped.path.iterdir()) <= 2_000_000
        assert "Not for clinical use" in (shipped.path / "card.md").read_text()


def test_the_shipped_bundles_reproduce_their_golden_vectors() -> None:
    from workers.training.verify import GOLDEN_TOLERANCE, golden_error

    for name in pins():
        assert golden_error(load_pinned(name)) < GOLDEN_TOLERANCE


def test_the_shipped_cards_say_what_the_metrics_say() -> None:
    from workers.training.card import render_card

    for name in pins():
        shipped = load_pinned(name)
        assert (shipped.path / "card.md").read_text() == render_card(shipped.description, shipped.metrics)


def test_the_shipped_figures_do_not_fall_below_what_was_first_released() -> None:
    gate, _, fresh = (load_pinned(name) for name in bundle.NAMES)
    accuracy = gate.metrics["accuracy"]
    assert accuracy["AP or lateral right, accepted films"][0] >= 0.995
    assert accuracy["pre or post-operative right"][0] >= 0.94
    assert accuracy["ten categories right"][0] >= 0.86
    bodies = fresh.metrics["bodies at their true place"]
    assert bodies["AUC fresh against rest"][1] >= 0.85
    assert fresh.metrics["films, located and classified"]["AUC, by patient"][0] >= 0.80
    assert gate.metrics["calibration"]["expected_calibration_error"] <= 0.06
