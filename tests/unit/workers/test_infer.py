"""A served bundle: frozen, warm, proven by its golden vectors, the same for every way of batching."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from workers import infer
from workers.infer import InvalidAnswer, Served
from workers.models import bundle as bundles
from workers.models.bundle import Bundle, BundleRejected


@pytest.fixture(scope="module")
def gate(runtime: None, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """A small view gate with random weights."""
    from workers.training.untrained import write_untrained

    folder = tmp_path_factory.mktemp("bundles")
    return bundles.load(folder / "view-gate", write_untrained(folder, "view-gate"))


@pytest.fixture(scope="module")
def served(gate: Bundle) -> Served:
    """The gate, served."""
    return Served(gate)


def batch(count: int, served: Served) -> np.ndarray:
    """Return noise in the network's shape."""
    spec = served.bundle.preprocessing
    shape = (count, spec.height, spec.width, 1)
    return np.random.default_rng(1).normal(size=shape).astype(np.float32)


def test_the_frozen_graph_answers_as_the_keras_model(served: Served, gate: Bundle) -> None:
    images = batch(3, served)
    expected = gate.build_model()(images, training=False)
    found = served.run(images)
    np.testing.assert_allclose(found.logits, np.asarray(expected["logits"]), atol=1e-5)
    np.testing.assert_allclose(found.features, np.asarray(expected["features"]), atol=1e-5)
    np.testing.assert_allclose(found.last_map, np.asarray(expected["last_map"]), atol=1e-5)


@pytest.mark.parametrize("count", [1, 2, 3, 7, 16, 17, 33])
def test_an_answer_does_not_depend_on_its_neighbours_in_the_batch(count: int, served: Served) -> None:
    images = batch(count, served)
    together = served.run(images).logits
    alone = np.concatenate([served.run(images[index : index + 1]).logits for index in range(count)])
    assert len(together) == count
    np.testing.assert_allclose(together, alone, atol=1e-5)


def test_the_same_batch_gives_the_same_bytes(served: Served) -> None:
    images = batch(5, served)
    assert served.run(images).logits.tobytes() == served.run(images).logits.tobytes()


def test_a_batch_of_another_shape_or_of_nothing_is_refused(served: Served) -> None:
    with pytest.raises(ValueError, match="reads"):
        served.run(np.zeros((1, 8, 8, 1), np.float32))
    with pytest.raises(ValueError, match="reads"):
        served.run(batch(1, served)[:0])


def test_an_answer_that_is_no_number_is_never_a_finding(served: Served) -> None:
    with pytest.raises(InvalidAnswer):
        served.run(np.full_like(batch(1, served), np.nan))


def test_golden_vectors_that_do_not_come_out_refuse_the_bundle(gate: Bundle) -> None:
    golden = {**gate.golden, "logits": gate.golden["logits"] + np.float32(0.1)}
    with pytest.raises(BundleRejected, match=r"golden\.npz"):
        Served(replace(gate, golden=golden), buckets=(4,))


def test_half_precision_serves_only_where_the_golden_vectors_agree(
    gate: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    reduced = Served(gate, (1, 4), numerics=infer.BF16)
    images = batch(4, reduced)
    exact = Served(gate, (1, 4))
    assert (reduced.numerics, exact.numerics) == (infer.BF16, infer.FP32)
    np.testing.assert_allclose(reduced.run(images).logits, exact.run(images).logits, atol=0.3)
    # Each graph keeps its own numerics, whichever was called before it.
    assert exact.run(images).logits.tobytes() == exact.run(images).logits.tobytes()
    np.testing.assert_allclose(
        exact.run(images).logits, np.asarray(gate.build_model()(images, training=False)["logits"]), atol=1e-5
    )
    monkeypatch.setattr(infer, "BF16_PROBABILITY", -1.0)
    refused = Served(gate, (1, 4), numerics=infer.BF16)
    assert refused.numerics == infer.FP32
    assert refused.run(images).logits.tobytes() == exact.run(images).logits.tobytes()
