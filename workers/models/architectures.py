"""The white list of network architectures: a bundle names one by id and gives its parameters as data.

Promise: a network is built by this code alone; no graph, layer class or function ever comes out of a bundle file.
Every network answers {"logits", "features", "last_map"} in one pass.
Refuses: an unknown id, an unknown or missing parameter, sizes beyond what a worker may allocate.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from workers.models.networks import (
    densenet,
    efficientnet,
    inception,
    mnasnet,
    mobilenet,
    resnet,
    vgg,
    xception,
)
from workers.models.networks.backbone import Backbone, classifier
from workers.models.networks.corners import corners
from workers.models.networks.ensemble import NINE, build_ensemble
from workers.models.networks.locator import build_locator
from workers.models.networks.pair import FORMS, resnet50_pair, spinenet_pair
from workers.models.networks.spinenet import build_spinenet
from workers.models.networks.unet import build_unet

OUTPUTS = ("logits", "features", "last_map")
_MAX_EXTENT = 2048
_MAX_CHANNELS = 1024
_CORNERS = {"height": 512, "width": 256, "stem": 16, "widths": [16, 32, 64, 96]}
_SPINENET = {"stem": 24, "widths": [24, 32, 64, 96], "blocks": [1, 1, 1, 1]}


@dataclass(frozen=True)
class Architecture:
    """A builder, the parameters of its published form or our default (classes left open), the channels it reads.

    kind says what the logits are: "classes" [n, classes] or "map" [n, h, w, channels].
    """

    build: Callable[..., Any]
    preset: Mapping[str, Any]
    channels: int = 1
    kind: str = "classes"


BACKBONES: Mapping[str, Backbone] = {
    **efficientnet.BACKBONES, **mobilenet.BACKBONES, **mnasnet.BACKBONES, **vgg.BACKBONES,
    **densenet.BACKBONES, **inception.BACKBONES, **resnet.BACKBONES, **xception.BACKBONES,
}  # fmt: skip


def _square(size: int) -> dict[str, Any]:
    return {"height": size, "width": size}


ARCHITECTURES: Mapping[str, Architecture] = {
    "spinenet/1": Architecture(build_spinenet, {"height": 256, "width": 128} | _SPINENET),
    "locator/1": Architecture(
        build_locator, {"height": 448, "width": 224, "stem": 16, "widths": [16, 32, 64, 96]}, kind="map"
    ),
    "corners/1": Architecture(corners(anchored=False), _CORNERS, kind="map"),
    "corners-anchored/1": Architecture(corners(anchored=True), _CORNERS, kind="map"),
    "unet/1": Architecture(build_unet, _square(512) | {"base": 64}, kind="map"),
    "ensemble/1": Architecture(build_ensemble, _square(224) | {"members": sorted(NINE)}),
    **{
        f"{name}/1": Architecture(classifier(name, backbone), _square(backbone.native))
        for name, backbone in BACKBONES.items()
    },
    **{f"resnet50-{form}/1": Architecture(resnet50_pair(form), _square(224), 2) for form in FORMS},
    **{
        f"spinenet-{form}/1": Architecture(spinenet_pair(form), {"height": 256, "width": 128} | _SPINENET, 2)
        for form in FORMS
    },
}


class UnknownArchitecture(ValueError):
    """The id is not on the list, or its parameters do not fit."""


def _check_sizes(params: Mapping[str, Any]) -> None:
    for name, value in params.items():
        if name == "members":
            if not isinstance(value, list | tuple) or not all(member in tuple(NINE) for member in value):
                raise UnknownArchitecture(f"parameter members: {value!r} is not a choice of {sorted(NINE)}")
            continue
        numbers = value if isinstance(value, list | tuple) else [value]
        limit = _MAX_EXTENT if name in ("height", "width") else _MAX_CHANNELS
        for number in numbers:
            if not isinstance(number, int) or isinstance(number, bool) or not 0 < number <= limit:
                raise UnknownArchitecture(
                    f"parameter {name}: {value!r} is not a whole number from 1 to {limit}"
                )


def of(architecture_id: str) -> Architecture:
    """The entry of the list, or UnknownArchitecture."""
    found = ARCHITECTURES.get(architecture_id)
    if found is None:
        known = ", ".join(sorted(ARCHITECTURES))
        raise UnknownArchitecture(f"unknown architecture {architecture_id!r}; known: {known}")
    return found


def build(architecture_id: str, params: Mapping[str, Any]) -> Any:
    """A keras.Model over float32 [n, height, width, channels] with outputs {"logits", "features", "last_map"}."""
    builder = of(architecture_id).build
    expected = set(inspect.signature(builder).parameters)
    if set(params) != expected:
        raise UnknownArchitecture(f"{architecture_id} takes {sorted(expected)}, not {sorted(params)}")
    _check_sizes(params)
    try:
        return builder(**params)
    except ValueError as error:
        raise UnknownArchitecture(f"{architecture_id}: {error}") from error
