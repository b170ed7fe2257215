"""Where a classifier looked: Grad-CAM on the last map of each trunk (Selvaraju et al., ICCV 2017), on demand.

Promise: works for every classifier of the white list, pairs (a map per view) and ensembles (a map per member) included;
values are 0..1 on the network's coarse grid, nothing is smoothed or sharpened. It is no explanation and no outline, and
LABEL says so wherever it is shown: readers disagreed with such maps in nearly half of abnormal films (ux.md 1.2).
Refuses (BundleRejected): a network that answers with a map instead of classes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workers.models import architectures
from workers.models.bundle import Bundle, BundleRejected
from workers.models.networks.pair import VIEWS

Float = NDArray[np.float32]
# Half precision serves some bundles: the pooled map and the features then differ in the third digit.
_POOLED = 0.05
LABEL = "attention map, low resolution, not a lesion outline"


@dataclass(frozen=True)
class Attention:
    """values [h, w] in 0..1 over one input; part is the view or member, empty where there is one trunk."""

    part: str
    values: Float


def attention(bundle: Bundle, inputs: Float, label: str) -> tuple[tuple[Attention, ...], ...]:
    """One tuple of maps per network input [n, height, width, channels] for a label's logit; imports Keras."""
    demand_classes(bundle)
    if label not in bundle.label_ids:
        raise BundleRejected(f"{bundle.name} knows no label {label!r}; known: {', '.join(bundle.label_ids)}")
    return attention_of(bundle.build_model(), inputs, bundle.label_ids.index(label))


def demand_classes(bundle: Bundle) -> None:
    """Return if the bundle is a classifier; raises BundleRejected."""
    if architectures.of(bundle.architecture).kind != "classes":
        raise BundleRejected(f"{bundle.name} answers with a map, not with classes: it has no attention map")


def attention_of(model: Any, inputs: Float, label: int) -> tuple[tuple[Attention, ...], ...]:
    """The same on a keras.Model of this product for the number of a label."""
    import keras
    import tensorflow as tf

    trunks = _trunks(model)
    probe = keras.Model(model.inputs, [*(tensor for _, tensor in trunks), model.output["logits"]])
    with tf.GradientTape() as tape:
        *maps, logits = probe(tf.convert_to_tensor(inputs, tf.float32), training=False)
        score = logits[:, label]
    found = [
        _weighted(part, grid.numpy(), gradient.numpy())
        for (part, _), grid, gradient in zip(trunks, maps, tape.gradient(score, maps), strict=True)
    ]
    return tuple(tuple(one[row] for one in found) for row in range(len(inputs)))


def closed_form(bundle: Bundle, last_map: Float, features: Float, label: str) -> Float | None:
    """The same [n, h, w] from one forward pass, not scaled, where pooling meets one dense layer; None for other heads.

    The gradient of a logit is then its row of the dense layer (Selvaraju et al., 3.1): nothing more is computed.
    """
    kernel = bundle.weights.get("logits/kernel")
    if kernel is None or features.shape[1:] != kernel.shape[:1] or last_map.shape[-1:] != kernel.shape[:1]:
        return None
    if not np.allclose(last_map.mean(axis=(1, 2)), features, rtol=_POOLED, atol=_POOLED):
        return None
    found: Float = np.maximum(
        last_map @ np.asarray(kernel[:, bundle.label_ids.index(label)], np.float32), 0.0
    )
    return found


def _trunks(model: Any) -> list[tuple[str, Any]]:
    """(part, last map) of each trunk, as symbolic tensors of the model itself."""
    projected = [layer for layer in model.layers if layer.name.endswith("_project")]
    if projected:
        return [(layer.name.removesuffix("_project"), layer.input) for layer in projected]
    pools = [layer for layer in model.layers if _is_pool(layer)]
    names = {layer.name for layer in model.layers}
    if len(pools) == 1 and "maps" in names and model.input_shape[-1] == len(VIEWS):
        return list(zip(VIEWS, model.get_layer("maps").input, strict=True))
    return [(pool.name.removesuffix("features").rstrip("_"), pool.input) for pool in pools]


def _is_pool(layer: Any) -> bool:
    import keras

    return isinstance(layer, keras.layers.GlobalAveragePooling2D) and layer.name.endswith("features")


def _weighted(part: str, grid: Float, gradient: Float) -> list[Attention]:
    """Channels weighted by their mean gradient, what speaks against the label cut off, the largest value 1."""
    weights = gradient.mean(axis=(1, 2), keepdims=True)
    values = np.maximum((grid * weights).sum(axis=-1), 0.0)
    most = values.max(axis=(1, 2), keepdims=True)
    scaled = np.where(most > 0, values / np.where(most > 0, most, 1.0), 0.0).astype(np.float32)
    return [Attention(part, one) for one in scaled]
