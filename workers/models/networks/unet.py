"""U-Net (Ronneberger, Fischer and Brox, MICCAI 2015): the segmentation of the published alignment system, one per region.

23 convolutions, as in the publication, padded so that the mask has the image's size, and without batch normalisation.
"""

from __future__ import annotations

from typing import Any

DEPTH = 4


def _twice(tensor: Any, channels: int, name: str) -> Any:
    from keras import layers

    for step in ("a", "b"):
        conv = layers.Conv2D(
            channels,
            3,
            padding="same",
            activation="relu",
            kernel_initializer="he_normal",
            name=f"{name}_{step}",
        )
        tensor = conv(tensor)
    return tensor


def build_unet(height: int, width: int, classes: int, base: int) -> Any:
    """A network over [n, height, width, 1]; logits [n, height, width, classes], one per structure; base is 64 in the paper."""
    import keras
    from keras import layers

    if height % 2**DEPTH or width % 2**DEPTH:
        raise ValueError(f"unet input must be a multiple of {2**DEPTH} each way, not {height} x {width}")
    inputs = keras.Input((height, width, 1), name="image")
    tensor, skips = inputs, []
    for level in range(DEPTH):
        tensor = _twice(tensor, base * 2**level, f"down{level}")
        skips.append(tensor)
        tensor = layers.MaxPooling2D(2, name=f"pool{level}")(tensor)
    bottom = _twice(tensor, base * 2**DEPTH, "bottom")
    tensor = bottom
    for level in reversed(range(DEPTH)):
        up = layers.Conv2DTranspose(base * 2**level, 2, strides=2, name=f"up{level}")(tensor)
        joined = layers.Concatenate(name=f"join{level}")([skips[level], up])
        tensor = _twice(joined, base * 2**level, f"back{level}")
    logits = layers.Conv2D(classes, 1, name="logits")(tensor)
    features = layers.GlobalAveragePooling2D(name="features")(bottom)
    return keras.Model(inputs, {"logits": logits, "features": features, "last_map": bottom})
