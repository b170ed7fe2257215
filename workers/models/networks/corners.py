"""Corners: the locator's network with a second answer, the four corners of the body at each centre.

logits [n, height/4, width/4, 9]: channel 0 the heat map of centres, as the locator's; channels 1 to 8 the offsets
(row, column) from the cell's centre to the upper left, upper right, lower right and lower left corner of the body
as it stands in the image, in steps of the map (after vertebra-focused landmarks, Yi et al., ISBI 2020).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from workers.models.networks.locator import u_shape

CHANNELS = 9


def build_corners(height: int, width: int, stem: int, widths: Sequence[int]) -> Any:
    """A network over [n, height, width, 1]; see above."""
    import keras
    from keras import layers

    inputs = keras.Input((height, width, 1), name="image")
    tensor, bottleneck = u_shape(inputs, stem, widths)
    features = layers.GlobalAveragePooling2D(name="features")(bottleneck)
    heat = layers.Conv2D(1, 1, name="heat", bias_initializer=keras.initializers.Constant(-3.0))(tensor)
    offsets = layers.Conv2D(CHANNELS - 1, 1, name="offsets")(tensor)
    logits = layers.Concatenate(name="logits")([heat, offsets])
    return keras.Model(inputs, {"logits": logits, "features": features, "last_map": bottleneck})
