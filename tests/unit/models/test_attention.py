"""Attention maps of every kind of classifier, against the closed form where there is one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.unit.models.networks_table import TABLE
from workers.infer import Served
from workers.models import architectures
from workers.models.attention import LABEL, attention, attention_of, closed_form
from workers.models.bundle import load
from workers.models.networks.pair import FORMS
from workers.training.untrained import write_untrained

# One of each shape of head; the published backbones share theirs with mobilenet.
CHOSEN = {
    "spinenet/1",
    "ensemble/1",
    "mobilenet-v2/1",
    *(f"spinenet-{form}/1" for form in FORMS),
}
CASES = [case for case in TABLE if case.architecture in CHOSEN]
PARTS = {
    "spinenet-dual/1": ("coronal", "sagittal"),
    "spinenet-concat/1": ("coronal", "sagittal"),
    "spinenet-bilinear/1": ("coronal", "sagittal"),
    "ensemble/1": ("vgg16", "xception"),
}


def built(case: Any) -> tuple[Any, np.ndarray]:
    params = dict(case.params) | {"classes": 3}
    model = architectures.build(case.architecture, params)
    channels = architectures.of(case.architecture).channels
    rng = np.random.default_rng(0)
    return model, rng.normal(size=(2, params["height"], params["width"], channels)).astype(np.float32)


@pytest.mark.parametrize("case", CASES, ids=[case.architecture for case in CASES])
def test_every_classifier_has_a_map_per_trunk_between_zero_and_one(runtime: None, case: Any) -> None:
    model, inputs = built(case)
    found = attention_of(model, inputs, 1)
    assert len(found) == 2
    for maps in found:
        assert tuple(one.part for one in maps) == PARTS.get(case.architecture, ("",))
        for one in maps:
            assert one.values.ndim == 2 and np.isfinite(one.values).all()
            assert one.values.min() >= 0 and one.values.max() in (0.0, pytest.approx(1.0))


def test_the_map_is_the_closed_form_where_pooling_meets_one_dense_layer(runtime: None) -> None:
    (case,) = [one for one in CASES if one.architecture == "spinenet/1"]
    model, inputs = built(case)
    grid = np.asarray(model(inputs, training=False)["last_map"])
    kernel = np.asarray(model.get_layer("logits").kernel)[:, 2]
    expected = np.maximum(grid @ kernel, 0)
    for row, (one,) in enumerate(attention_of(model, inputs, 2)):
        most = expected[row].max()
        assert np.abs(one.values - (expected[row] / most if most else 0)).max() < 1e-5


def test_one_forward_pass_gives_what_the_gradient_gives(runtime: None, tmp_path: Path) -> None:
    bundle = load(tmp_path / "vertebra-fresh", write_untrained(tmp_path, "vertebra-fresh"))
    inputs = bundle.golden_inputs()
    answers = Served(bundle, (4,)).run(inputs)
    found = closed_form(bundle, answers.last_map, answers.features, "fresh")
    assert found is not None
    for row, (one,) in enumerate(attention(bundle, inputs, "fresh")):
        most = found[row].max()
        assert np.abs(one.values - (found[row] / most if most else 0)).max() < 1e-4
    assert closed_form(bundle, answers.last_map, answers.features + 1, "fresh") is None, "another pooling"
    assert closed_form(replace(bundle, weights={}), answers.last_map, answers.features, "fresh") is None


def test_the_label_says_what_the_map_is_not() -> None:
    assert LABEL == "attention map, low resolution, not a lesion outline"
