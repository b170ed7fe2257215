"""MnasNet-B1 (Tan et al., CVPR 2019): found by a search for accuracy against latency on a telephone. Keras has none.

One of the three networks of the fresh-fracture radiograph classifier (Li et al. 2024). Widths and repeats are those
of torchvision's mnasnet0_5 and mnasnet1_0, whose parameter counts (trainable: 2,218,512 and 4,383,312) it reproduces;
the first 32 and 16 channels shrink with the others, as in its second version.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from workers.models.networks.backbone import Backbone

_STEM, _FIRST, _TOP = 32, 16, 1280
# (channels, kernel, stride, expansion, repeats), table 1 and figure 7 of the paper.
_STAGES = (
    (24, 3, 2, 3, 3),
    (40, 5, 2, 3, 3),
    (80, 5, 2, 6, 3),
    (96, 3, 1, 6, 2),
    (192, 5, 2, 6, 4),
    (320, 3, 1, 6, 1),
)


def rounded(channels: float) -> int:
    """To a multiple of 8, not more than a tenth below (torchvision rounds up from .9 on)."""
    whole = max(8, int(channels + 4) // 8 * 8)
    return whole if whole >= 0.9 * channels else whole + 8


def _normal(tensor: Any, name: str) -> Any:
    from keras import layers

    return layers.BatchNormalization(epsilon=1e-5, name=f"{name}_bn")(tensor)


def _pointwise(tensor: Any, channels: int, name: str, *, active: bool) -> Any:
    from keras import layers

    made = _normal(layers.Conv2D(channels, 1, use_bias=False, name=name)(tensor), name)
    return layers.ReLU(name=f"{name}_relu")(made) if active else made


def _depthwise(tensor: Any, kernel: int, stride: int, name: str) -> Any:
    from keras import layers

    conv = layers.DepthwiseConv2D(kernel, strides=stride, padding="same", use_bias=False, name=name)
    return layers.ReLU(name=f"{name}_relu")(_normal(conv(tensor), name))


def inverted_residual(tensor: Any, channels: int, kernel: int, stride: int, expansion: int, name: str) -> Any:
    """Widen, convolve each channel alone, narrow; the input is added where shape allows."""
    from keras import layers

    entering = int(tensor.shape[-1])
    inner = _pointwise(tensor, entering * expansion, f"{name}_widen", active=True)
    inner = _depthwise(inner, kernel, stride, f"{name}_depth")
    inner = _pointwise(inner, channels, f"{name}_narrow", active=False)
    if stride != 1 or entering != channels:
        return inner
    return layers.Add(name=f"{name}_add")([tensor, inner])


def mnasnet_trunk(alpha: float) -> Callable[[int, int], Any]:
    """The network to its last map, widths times alpha."""

    def trunk(height: int, width: int) -> Any:
        import keras
        from keras import layers

        inputs = keras.Input((height, width, 3), name="colour")
        stem = layers.Conv2D(
            rounded(_STEM * alpha), 3, strides=2, padding="same", use_bias=False, name="stem"
        )
        tensor = layers.ReLU(name="stem_relu")(_normal(stem(inputs), "stem"))
        tensor = _depthwise(tensor, 3, 1, "first_depth")
        tensor = _pointwise(tensor, rounded(_FIRST * alpha), "first", active=False)
        for stage, (channels, kernel, stride, expansion, repeats) in enumerate(_STAGES):
            for index in range(repeats):
                step = stride if index == 0 else 1
                tensor = inverted_residual(
                    tensor, rounded(channels * alpha), kernel, step, expansion, f"stage{stage}_{index}"
                )
        return keras.Model(inputs, _pointwise(tensor, _TOP, "top", active=True))

    return trunk


# Published counts are of trainable numbers; the moving statistics of normalisation are added by formula in the tests.
BACKBONES = {
    "mnasnet-0.5": Backbone(mnasnet_trunk(0.5), "torch", 224, 32, 2_218_512, "torchvision, trainable"),
    "mnasnet-1.0": Backbone(mnasnet_trunk(1.0), "torch", 224, 32, 4_383_312, "torchvision, trainable"),
}
