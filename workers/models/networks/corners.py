"""Corners: the locator's network with further answers: the four corners of the body at each centre, and which body it is.

logits [n, height/4, width/4, 9 or 11]: channel 0 the heat map of centres, as the locator's; channels 1 to 8 the offsets
(row, column) from the cell's centre to the upper left, upper right, lower right and lower left corner of the body
as it stands in the image, in steps of the map (after vertebra-focused landmarks, Yi et al., ISBI 2020).
Anchored, channels 9 and 10 are heat maps of the two bodies that levels are counted from: the lowest of a whole spine (S1
from the side, L5 from the front) and T1. A single map of centres cannot tell L5 from S1, nor T1 from C7.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from workers.models.networks.locator import u_shape

CHANNELS = 9
LOWEST, HIGHEST = 9, 10
ANCHORED = 11


def corners(anchored: bool) -> Callable[..., Any]:
    """Return the builder, with or without the maps of the anchors."""

    def build(height: int, width: int, stem: int, widths: Sequence[int]) -> Any:
        """A network over [n, height, width, 1]; see above."""
        import keras
        from keras import layers

        inputs = keras.Input((height, width, 1), name="image")
        tensor, bottleneck = u_shape(inputs, stem, widths)
        features = layers.GlobalAveragePooling2D(name="features")(bottleneck)
        rare = keras.initializers.Constant(-3.0)
        answers = [
            layers.Conv2D(1, 1, name="heat", bias_initializer=rare)(tensor),
            layers.Conv2D(CHANNELS - 1, 1, name="offsets")(tensor),
        ]
        if anchored:
            answers.append(layers.Conv2D(2, 1, name="anchors", bias_initializer=rare)(tensor))
        logits = layers.Concatenate(name="logits")(answers)
        return keras.Model(inputs, {"logits": logits, "features": features, "last_map": bottleneck})

    return build
