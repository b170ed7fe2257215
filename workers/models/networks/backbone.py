"""A published backbone as a classifier of this product: grey image in, {"logits", "features", "last_map"} out.

Promise: the layers are the library's or the publication's, with three channels at the stem, so that a site's ImageNet
weights fit; names do not depend on what else the process built, so that weights find their variables; no weights are
ever fetched. The grey image in -1..1 is repeated to three channels and scaled to what the family was published with.
Batch normalisation forgets quickly (spinenet.BN_MOMENTUM): with the published .99 to .9997 and a short training from
scratch validation stays at chance (measured: MobileNetV3, .55 in training, .10 on validation).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from workers.models.networks.spinenet import BN_MOMENTUM

# ImageNet channel means and standard deviations (He et al. 2015 in BGR order; Krizhevsky's in 0..1, RGB).
_CAFFE_MEANS = (103.939, 116.779, 123.68)
_TORCH_MEANS, _TORCH_SPREADS = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_NUMBERED = re.compile(r"_\d+$")


@dataclass(frozen=True)
class Backbone:
    """One published network without its top.

    trunk(height, width) is a keras.Model over [n, height, width, 3] that ends in its last map. entry says what the
    publication fed it: "symmetric" -1..1, "caffe" BGR means subtracted, "torch" standardised.
    native is the publication's input size in pixels, smallest what the layers can still take. published is the
    number of parameters that the source states for 1000 classes, moving statistics included unless it says "trainable",
    the top as one dense layer on pooled features.
    """

    trunk: Callable[[int, int], Any]
    entry: str
    native: int
    smallest: int
    published: int
    source: str


def keras_trunk(name: str) -> Callable[[int, int], Any]:
    """A network of keras.applications by its function's name, random weights, no top."""

    def trunk(height: int, width: int) -> Any:
        import keras

        make = getattr(keras.applications, name)
        return make(weights=None, include_top=False, input_shape=(height, width, 3))

    return trunk


def colour(tensor: Any, entry: str, name: str) -> Any:
    """Grey values in -1..1 [n, h, w, 1] to the three channels that a family expects."""
    from keras import layers

    three = layers.Concatenate(name=f"{name}_colour")([tensor, tensor, tensor])
    if entry == "symmetric":
        return three
    scale, offset = {
        "caffe": (127.5, [127.5 - mean for mean in _CAFFE_MEANS]),
        "torch": (
            [0.5 / spread for spread in _TORCH_SPREADS],
            [(0.5 - mean) / spread for mean, spread in zip(_TORCH_MEANS, _TORCH_SPREADS, strict=True)],
        ),
    }[entry]
    return layers.Rescaling(scale, offset, name=f"{name}_entry")(three)


def renamed(template: Callable[[], Any], name: str) -> Any:
    """The template's network as a nested model `name`: its own variables, stable names, quick normalisation.

    The template itself is built without values (a stateless scope), so it costs no memory.
    """
    import keras

    with keras.StatelessScope(initialize_variables=False):
        pattern = template()
    names = _stable_names(pattern.layers)

    def clone(layer: Any) -> Any:
        if isinstance(layer, (keras.layers.Rescaling, keras.layers.Normalization)):
            # The entry scales; EfficientNet's own layers for it would do it twice (see efficientnet.py).
            return keras.layers.Identity(name=names[layer.name])
        config = layer.get_config() | {"name": names[layer.name]}
        if isinstance(layer, keras.layers.BatchNormalization):
            config["momentum"] = BN_MOMENTUM
        return type(layer).from_config(config)

    with keras.name_scope(name):
        copy = keras.models.clone_model(pattern, clone_function=clone)
        return keras.Model(copy.inputs, copy.outputs[0], name=name)


def _stable_names(layers: list[Any]) -> dict[str, str]:
    """Layers that the library numbers over the life of the process are numbered anew from 0, by kind."""
    counted: Counter[str] = Counter()
    names = {}
    for layer in layers:
        kind = _NUMBERED.sub("", layer.name)
        if kind == _snake(type(layer).__name__):
            names[layer.name] = f"{kind}_{counted[kind]}"
            counted[kind] += 1
        else:
            names[layer.name] = layer.name
    return names


def _snake(name: str) -> str:
    """The library's own rule for the name of a layer that has none."""
    words = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", words).lower()


def trunk_of(backbone: Backbone, tensor: Any, name: str) -> Any:
    """The last map of the backbone on grey images [n, h, w, 1] in -1..1."""
    height, width = int(tensor.shape[1]), int(tensor.shape[2])
    if min(height, width) < backbone.smallest:
        raise ValueError(f"{name} needs at least {backbone.smallest} pixels each way, not {height} x {width}")
    nested = renamed(lambda: backbone.trunk(height, width), name)
    return nested(colour(tensor, backbone.entry, name))


def head(last_map: Any, classes: int, prefix: str = "") -> tuple[Any, Any]:
    """(logits, features): global average pooling, dropout .2, one dense layer; the class activation map is closed form."""
    from keras import layers

    features = layers.GlobalAveragePooling2D(name=f"{prefix}features")(last_map)
    dropped = layers.Dropout(0.2, name=f"{prefix}dropout")(features)
    return layers.Dense(classes, name=f"{prefix}logits")(dropped), features


def classifier(name: str, backbone: Backbone) -> Callable[[int, int, int], Any]:
    """The builder of a backbone's classifier; its parameters are height, width and classes."""

    def build(height: int, width: int, classes: int) -> Any:
        import keras

        inputs = keras.Input((height, width, 1), name="image")
        last_map = trunk_of(backbone, inputs, name.replace("-", "_"))
        logits, features = head(last_map, classes)
        return keras.Model(inputs, {"logits": logits, "features": features, "last_map": last_map})

    return build
