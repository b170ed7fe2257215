"""Locator: a light U-shaped network that answers with a heat map of vertebral body centres at a quarter of the input.

The deepest stage sees the whole trunk, the skip connections keep the position.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from workers.models.networks.spinenet import _convolve, residual_block

STRIDE = 4


def _widen(tensor: Any, skip: Any, channels: int, name: str) -> Any:
    from keras import layers

    up = layers.UpSampling2D(2, interpolation="nearest", name=f"{name}_up")(
        _convolve(tensor, channels, 1, 1, f"{name}_mix")
    )
    joined = layers.Add(name=f"{name}_add")([up, _convolve(skip, channels, 1, 1, f"{name}_skip")])
    relu = layers.ReLU(name=f"{name}_relu")(joined)
    return layers.ReLU(name=f"{name}_out")(_convolve(relu, channels, 3, 1, f"{name}_conv"))


def u_shape(inputs: Any, stem: int, widths: Sequence[int]) -> tuple[Any, Any]:
    """(map at a quarter of the input, bottleneck) over [n, height, width, 1], multiples of 32 each way."""
    from keras import layers

    height, width = (int(extent) for extent in inputs.shape[1:3])
    if height % 32 or width % 32:
        raise ValueError(f"locator input must be a multiple of 32 each way, not {height} x {width}")
    tensor = layers.ReLU(name="stem_relu")(_convolve(inputs, stem, 5, 2, "stem"))
    skips = []
    for stage, channels in enumerate(widths):
        tensor = residual_block(tensor, channels, 2, f"down{stage}")
        skips.append(tensor)
    bottleneck = residual_block(tensor, widths[-1], 1, "bottleneck")
    tensor = bottleneck
    for stage in range(len(widths) - 2, -1, -1):
        tensor = _widen(tensor, skips[stage], widths[stage], f"up{stage}")
    return tensor, bottleneck


def build_locator(height: int, width: int, classes: int, stem: int, widths: Sequence[int]) -> Any:
    """A network over [n, height, width, 1]; logits [n, height/4, width/4, classes], features of the bottleneck."""
    import keras
    from keras import layers

    inputs = keras.Input((height, width, 1), name="image")
    tensor, bottleneck = u_shape(inputs, stem, widths)
    features = layers.GlobalAveragePooling2D(name="features")(bottleneck)
    logits = layers.Conv2D(classes, 1, name="logits", bias_initializer=keras.initializers.Constant(-3.0))(
        tensor
    )
    return keras.Model(inputs, {"logits": logits, "features": features, "last_map": bottleneck})
