"""A frozen ensemble served as one network: the mean of its members' probabilities (Yabu et al. 2021).

logits are the logarithm of that mean, so softmax(logits) is the mean itself and calibration works as for any bundle;
features and maps of the members stand side by side, in the order of the members, maps on the first member's grid.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from workers.models.networks import densenet, inception, resnet, vgg, xception
from workers.models.networks.backbone import Backbone, head, trunk_of

# The nine of the publication; 2^9 - 1 = 511 ensembles.
NINE: Mapping[str, Backbone] = {
    **vgg.BACKBONES, **densenet.BACKBONES, **inception.BACKBONES, **resnet.BACKBONES, **xception.BACKBONES,
}  # fmt: skip


def mean_of_probabilities(logits: Sequence[Any]) -> Any:
    """log(mean(softmax)) over members, each [n, classes], without leaving logarithms."""
    from keras import ops

    stacked = ops.stack([ops.log_softmax(member, axis=-1) for member in logits], axis=0)
    return ops.logsumexp(stacked, axis=0) - math.log(len(logits))


def build_ensemble(height: int, width: int, classes: int, members: Sequence[str]) -> Any:
    """A network over [n, height, width, 1] of the named members, each once, with outputs as every classifier."""
    import keras
    from keras import layers

    strangers = sorted(set(members) - set(NINE))
    if strangers or not members or len(set(members)) != len(members):
        raise ValueError(f"members {list(members)} are not a choice of {sorted(NINE)}, each once")
    inputs = keras.Input((height, width, 1), name="image")
    maps: list[Any] = []
    pooled: list[Any] = []
    logits: list[Any] = []
    for member in members:
        name = member.replace("-", "_")
        last_map = trunk_of(NINE[member], inputs, name)
        answer, features = head(last_map, classes, f"{name}_")
        grid = tuple(int(extent) for extent in (maps[0] if maps else last_map).shape[1:3])
        maps.append(layers.Resizing(*grid, name=f"{name}_map")(last_map))
        pooled.append(features)
        logits.append(answer)
    if len(members) == 1:
        joined, features, answer = maps[0], pooled[0], logits[0]
    else:
        joined = layers.Concatenate(name="maps")(maps)
        features = layers.Concatenate(name="features")(pooled)
        answer = mean_of_probabilities(logits)
    return keras.Model(inputs, {"logits": answer, "features": features, "last_map": joined})
