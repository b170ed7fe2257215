"""A site's weights file fills a network by name, or is refused with the name of what does not fit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from workers.models import architectures, site_weights
from workers.models.site_weights import WeightsRejected

PARAMS = {"height": 32, "width": 32, "classes": 3}


@pytest.fixture(scope="module")
def network(runtime: None) -> Any:
    return architectures.build("mnasnet-0.5/1", PARAMS)


def _arrays(network: Any, seed: int = 3) -> dict[str, NDArray[np.float32]]:
    rng = np.random.default_rng(seed)
    return {v.path: rng.random(v.shape).astype(np.float32) for v in network.weights}


def test_arrays_by_path_fill_the_network_and_a_head_of_other_classes_is_kept(
    network: Any, tmp_path: Path
) -> None:
    arrays = _arrays(network)
    heads = {name: arrays.pop(name) for name in list(arrays) if name.startswith("logits/")}
    np.savez(tmp_path / "own.npz", **arrays)  # type: ignore[arg-type]  # numpy's stub takes names for options
    loaded = site_weights.load(network, tmp_path / "own.npz")
    assert set(loaded.loaded) == set(arrays)
    assert set(loaded.kept) == set(heads)
    for variable in network.weights:
        if variable.path in arrays:
            assert np.array_equal(np.asarray(variable), arrays[variable.path])


def test_the_h5_file_of_a_trunk_trained_elsewhere_fills_it(network: Any, tmp_path: Path) -> None:
    trunk = network.get_layer(site_weights.trunks(network)[0])
    before = [np.array(v) for v in trunk.weights]
    trunk.save_weights(str(tmp_path / "imagenet.weights.h5"))
    for variable in trunk.weights:
        variable.assign(np.zeros(variable.shape, np.float32))
    loaded = site_weights.load(network, tmp_path / "imagenet.weights.h5", into=[trunk.name])
    assert loaded.kept == ("logits/bias", "logits/kernel")
    assert all(np.array_equal(np.asarray(v), b) for v, b in zip(trunk.weights, before, strict=True))


def test_a_pair_takes_one_file_for_both_views(runtime: None, tmp_path: Path) -> None:
    params = {"height": 32, "width": 32, "classes": 2, "stem": 4, "widths": [4, 8], "blocks": [1, 1]}
    pair = architectures.build("spinenet-concat/1", params)
    pair.get_layer("coronal_trunk").save_weights(str(tmp_path / "one.weights.h5"))
    site_weights.load(pair, tmp_path / "one.weights.h5", into=site_weights.trunks(pair))
    sides = [[np.asarray(v) for v in pair.get_layer(name).weights] for name in site_weights.trunks(pair)]
    assert all(np.array_equal(a, b) for a, b in zip(*sides, strict=True))


def _write(tmp_path: Path, arrays: dict[str, Any]) -> Path:
    np.savez(tmp_path / "odd.npz", **arrays)
    return tmp_path / "odd.npz"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda a: a | {"layer_of_another/kernel": np.zeros(3)}, "layer_of_another/kernel"),
        (lambda a: {k: v for k, v in a.items() if not k.endswith("top/kernel")}, "top/kernel"),
        (lambda a: a | {"logits/kernel": np.zeros((1280, 4), np.float32)}, r"\(1280, 4\), the network has"),
        (lambda a: a | {"logits/bias": np.full(3, np.nan, np.float32)}, "no finite number"),
        (lambda a: a | {"logits/bias": np.array([{}, {}, {}], object)}, "pickle|Object"),
    ],
)
def test_arrays_that_do_not_fit_are_refused_by_name(
    network: Any, tmp_path: Path, change: Any, said: str
) -> None:
    path = _write(tmp_path, change(_arrays(network)))
    with pytest.raises(WeightsRejected, match=said):
        site_weights.load(network, path)


def test_another_networks_h5_file_is_refused(network: Any, tmp_path: Path) -> None:
    other = architectures.build("mnasnet-1.0/1", PARAMS)
    other.get_layer(site_weights.trunks(other)[0]).save_weights(str(tmp_path / "other.weights.h5"))
    with pytest.raises(WeightsRejected, match="does not fit"):
        site_weights.load(network, tmp_path / "other.weights.h5", into=site_weights.trunks(network))


def test_a_file_that_could_build_or_fetch_something_is_refused(network: Any, tmp_path: Path) -> None:
    import h5py

    with h5py.File(tmp_path / "whole.h5", "w") as file:
        file.attrs["model_config"] = "{}"
    with h5py.File(tmp_path / "linked.h5", "w") as file:
        file["weights"] = h5py.ExternalLink("elsewhere.h5", "/secret")
    with h5py.File(tmp_path / "outside.h5", "w") as file:
        file.create_dataset("w", (4,), np.uint8, external=[(str(tmp_path / "passwords"), 0, 4)])
    into = site_weights.trunks(network)
    for name, said in (("whole", "whole model"), ("linked", "is a link"), ("outside", "no plain array")):
        with pytest.raises(WeightsRejected, match=said):
            site_weights.load(network, tmp_path / f"{name}.h5", into=into)
    (tmp_path / "model.keras").write_bytes(b"PK")
    with pytest.raises(WeightsRejected, match="is not"):
        site_weights.load(network, tmp_path / "model.keras", into=into)


def test_the_librarys_own_efficientnet_fills_ours_and_answers_the_same(runtime: None, tmp_path: Path) -> None:
    import keras

    theirs = keras.applications.EfficientNetB0(weights=None, include_top=False, input_shape=(32, 32, 3))
    theirs.save_weights(str(tmp_path / "imagenet.weights.h5"))
    model = architectures.build("efficientnet-b0/1", PARAMS)
    site_weights.load(model, tmp_path / "imagenet.weights.h5", into=["efficientnet_b0"])
    images = np.random.default_rng(0).random((1, 32, 32, 3)).astype(np.float32)
    ours = np.asarray(model.get_layer("efficientnet_b0")(images, training=False))
    # Without ImageNet's statistics the library's own scaling is a division by 255.
    assert np.allclose(ours, np.asarray(theirs(images * 255, training=False)), atol=1e-5)


def test_a_file_that_lacks_layers_leaves_the_network_as_it_was(network: Any, tmp_path: Path) -> None:
    import h5py

    trunk = network.get_layer(site_weights.trunks(network)[0])
    trunk.save_weights(str(tmp_path / "cut.weights.h5"))
    with h5py.File(tmp_path / "cut.weights.h5", "a") as file:
        del file["layers/conv2d_3"]
    before = [np.array(variable) for variable in trunk.weights]
    with pytest.raises(WeightsRejected, match="does not fit"):
        site_weights.load(network, tmp_path / "cut.weights.h5", into=[trunk.name])
    assert all(np.array_equal(np.asarray(v), b) for v, b in zip(trunk.weights, before, strict=True))
