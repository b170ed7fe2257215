"""One table-driven test for all networks; what a row leaves out stands with its reason in networks_table.py."""

from __future__ import annotations

import ast
import io
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.unit.models.networks_table import CLASSES, COUNTED_ONLY, SHARED, TABLE, Case
from workers.models import architectures, bundle, bundle_write
from workers.models.architectures import ARCHITECTURES, BACKBONES
from workers.models.networks.backbone import Backbone
from workers.models.networks.corners import ANCHORED, CHANNELS

NETWORKS = Path(architectures.__file__).parent / "networks"


@pytest.fixture(scope="module", params=TABLE, ids=lambda case: case.architecture)
def built(request: pytest.FixtureRequest, runtime: None) -> Iterator[tuple[Case, Any]]:
    """Each network once, for all checks of its row."""
    import keras

    case: Case = request.param
    keras.utils.set_random_seed(zlib.crc32(case.architecture.encode()) % 2**31)
    yield case, architectures.build(case.architecture, case.params)
    keras.backend.clear_session()


def _images(case: Case, count: int = 2) -> NDArray[np.float32]:
    shape = (count, case.params["height"], case.params["width"], ARCHITECTURES[case.architecture].channels)
    return np.random.default_rng(1).uniform(-1, 1, shape).astype(np.float32)


def _numbers(variables: Any) -> int:
    return sum(int(np.prod(variable.shape)) for variable in variables)


def test_outputs_are_finite_and_gradients_reach_every_trainable_weight(built: tuple[Case, Any]) -> None:
    import tensorflow as tf

    case, model = built
    with tf.GradientTape() as tape:
        outputs = model(_images(case), training=False)
        # Linear, not squared: without batch statistics a fresh network's signal fades, and its square underflows.
        loss = sum(tf.reduce_sum(outputs[name]) for name in architectures.OUTPUTS)
    gradients = tape.gradient(loss, model.trainable_weights)
    _check_shapes(case, outputs)
    dead = [
        variable.path
        for variable, gradient in zip(model.trainable_weights, gradients, strict=True)
        if gradient is None or not np.any(np.asarray(gradient))
    ]
    assert not dead


def _check_shapes(case: Case, outputs: Any) -> None:
    assert set(outputs) == set(architectures.OUTPUTS)
    assert all(np.isfinite(np.asarray(outputs[name])).all() for name in outputs)
    assert outputs["features"].shape[0] == 2
    assert outputs["features"].ndim == 2
    assert outputs["last_map"].ndim == 4
    if ARCHITECTURES[case.architecture].kind == "classes":
        assert outputs["logits"].shape == (2, case.params["classes"])
    else:
        corners = ANCHORED if case.architecture == "corners-anchored/1" else CHANNELS
        classes = case.params.get("classes", corners)
        stride = 1 if case.architecture == "unet/1" else 4
        height, width = case.params["height"] // stride, case.params["width"] // stride
        assert outputs["logits"].shape == (2, height, width, classes)


def test_the_number_of_parameters_is_the_published_one(built: tuple[Case, Any]) -> None:
    case, model = built
    backbone = BACKBONES.get(case.architecture.removesuffix("/1"))
    if backbone is None:
        pytest.skip("our own form: no published count")
    assert _numbers(_counted(backbone, model)) == backbone.published


def _counted(backbone: Backbone, model: Any) -> Any:
    return model.trainable_weights if "trainable" in backbone.source else model.weights


def test_weights_come_back_from_the_bundle_format_as_float16(built: tuple[Case, Any]) -> None:
    _, model = built
    halves = bundle_write.half_weights(model)
    assert len(halves) == len(model.weights)
    stream = io.BytesIO()
    # Not compressed as a bundle is: hundreds of random megabytes would take minutes and prove nothing more.
    np.savez(stream, **halves)  # type: ignore[arg-type]  # numpy's stub takes the names for keyword options
    arrays = bundle._arrays(stream.getvalue(), Path("weights.npz"))
    bundle.assign_weights(model, arrays, Path("weights.npz"))
    for variable in model.weights:
        assert np.array_equal(np.asarray(variable, np.float16), halves[variable.path])


def test_the_frozen_graph_answers_as_the_network_does(built: tuple[Case, Any]) -> None:
    import tensorflow as tf

    from workers.infer import freeze

    case, model = built
    if case.frozen:
        pytest.skip(case.frozen)
    images = _images(case, 3)
    expected = model(images, training=False)
    given = freeze(model, case.params["height"], case.params["width"])(tf.constant(images))
    for name in architectures.OUTPUTS:
        wanted = np.asarray(expected[name])
        assert np.abs(np.asarray(given[name]) - wanted).max() <= 1e-4 * max(1.0, np.abs(wanted).max())


@pytest.mark.parametrize("name", COUNTED_ONLY)
def test_a_sibling_that_is_not_built_has_the_published_number(name: str, runtime: None) -> None:
    import keras

    backbone = BACKBONES[name.removesuffix("/1")]
    with keras.StatelessScope(initialize_variables=False):
        trunk = backbone.trunk(backbone.smallest, backbone.smallest)
    top = int(trunk.output_shape[-1]) * CLASSES + CLASSES
    assert _numbers(_counted(backbone, trunk)) + top == backbone.published


def test_every_architecture_has_a_row_or_a_reason() -> None:
    rows = {case.architecture for case in TABLE}
    assert rows | set(COUNTED_ONLY) | set(SHARED) == set(ARCHITECTURES)
    assert all(reason for reason in (COUNTED_ONLY | SHARED).values())


def test_names_do_not_depend_on_what_was_built_before(runtime: None) -> None:
    params = {"height": 75, "width": 75, "classes": 2}
    first, second = (
        [v.path for v in architectures.build("inception-v3/1", params).weights] for _ in range(2)
    )
    assert first == second
    assert len(set(first)) == len(first)


def test_an_ensemble_answers_with_the_mean_of_its_members(runtime: None) -> None:
    from workers.models.calibrate import softmax
    from workers.models.networks.ensemble import mean_of_probabilities

    logits = np.random.default_rng(0).normal(size=(3, 5, 2)).astype(np.float32) * 4
    joined = np.asarray(mean_of_probabilities(list(logits)))
    assert np.allclose(softmax(joined), np.mean([softmax(m) for m in logits], axis=0), atol=1e-6)


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("ensemble/1", {"height": 75, "width": 75, "classes": 2, "members": ["vgg16", "os.system"]}),
        ("ensemble/1", {"height": 75, "width": 75, "classes": 2, "members": []}),
        ("ensemble/1", {"height": 75, "width": 75, "classes": 2, "members": ["vgg16", "vgg16"]}),
        ("inception-v3/1", {"height": 64, "width": 64, "classes": 2}),
        ("resnet50/1", {"height": 64, "width": 64}),
        ("unet/1", {"height": 40, "width": 40, "classes": 2, "base": 4}),
        ("resnet51/1", {"height": 64, "width": 64, "classes": 2}),
    ],
)
def test_what_does_not_fit_the_list_is_refused(name: str, params: dict[str, Any], runtime: None) -> None:
    with pytest.raises(architectures.UnknownArchitecture):
        architectures.build(name, params)


def test_the_u_net_has_the_23_convolutions_of_its_publication(runtime: None) -> None:
    model = architectures.build("unet/1", {"height": 32, "width": 32, "classes": 2, "base": 4})
    assert sum(type(layer).__name__.startswith("Conv2D") for layer in model.layers) == 23


def test_no_network_names_a_backend() -> None:
    """Layers and keras.ops only, so that the same file trains on JAX and serves on TensorFlow."""
    imported = {
        alias.name.partition(".")[0] if isinstance(node, ast.Import) else str(node.module).partition(".")[0]
        for path in NETWORKS.glob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, (ast.Import, ast.ImportFrom))
        for alias in node.names
    }
    assert imported <= {
        "__future__",
        "collections",
        "dataclasses",
        "typing",
        "re",
        "math",
        "keras",
        "workers",
    }
