"""SpineNet: a small residual classifier that ends in global average pooling and one dense layer.

That ending gives the class activation map in closed form: map . kernel, from the same forward pass.
Batch normalisation forgets quickly (momentum 0.9) because training runs are short: with the usual 0.999 the
moving statistics lag and validation stays at chance.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

BN_MOMENTUM = 0.9


def _normalise(tensor: Any, name: str) -> Any:
    from keras import layers

    return layers.BatchNormalization(momentum=BN_MOMENTUM, name=f"{name}_bn")(tensor)


def _convolve(tensor: Any, channels: int, size: int, stride: int, name: str) -> Any:
    from keras import layers

    conv = layers.Conv2D(channels, size, strides=stride, padding="same", use_bias=False, name=name)
    return _normalise(conv(tensor), name)


def residual_block(tensor: Any, channels: int, stride: int, name: str) -> Any:
    """Two 3x3 convolutions beside a shortcut; an odd extent is padded, never cropped, by the pooled shortcut."""
    from keras import layers

    inner = layers.ReLU(name=f"{name}_relu1")(_convolve(tensor, channels, 3, stride, f"{name}_a"))
    inner = _convolve(inner, channels, 3, 1, f"{name}_b")
    shortcut = tensor
    if stride != 1:
        shortcut = layers.AveragePooling2D(stride, padding="same", name=f"{name}_pool")(shortcut)
    if shortcut.shape[-1] != channels:
        shortcut = _convolve(shortcut, channels, 1, 1, f"{name}_s")
    return layers.ReLU(name=f"{name}_relu2")(layers.Add(name=f"{name}_add")([inner, shortcut]))


def trunk(inputs: Any, stem: int, widths: Sequence[int], blocks: Sequence[int]) -> Any:
    """Stride 2 in the stem and in the first block of each stage."""
    from keras import layers

    tensor = layers.ReLU(name="stem_relu")(_convolve(inputs, stem, 5, 2, "stem"))
    for stage, (channels, count) in enumerate(zip(widths, blocks, strict=True)):
        for index in range(count):
            tensor = residual_block(tensor, channels, 2 if index == 0 else 1, f"stage{stage}_{index}")
    return tensor


def build_spinenet(
    height: int, width: int, classes: int, stem: int, widths: Sequence[int], blocks: Sequence[int]
) -> Any:
    """A network over [n, height, width, 1] with outputs logits [n, classes], features and last_map."""
    import keras
    from keras import layers

    inputs = keras.Input((height, width, 1), name="image")
    last_map = trunk(inputs, stem, widths, blocks)
    features = layers.GlobalAveragePooling2D(name="features")(last_map)
    dropped = layers.Dropout(0.2, name="dropout")(features)
    logits = layers.Dense(classes, name="logits")(dropped)
    return keras.Model(inputs, {"logits": logits, "features": features, "last_map": last_map})
