"""The table behind the one test of all networks: parameters small enough for two cores, what is left out, and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from workers.models import architectures
from workers.models.networks.pair import FORMS

CLASSES = 1000


@dataclass(frozen=True)
class Case:
    """One row; a reason instead of a network where a check is left out."""

    architecture: str
    params: dict[str, Any]
    frozen: str | None = None


SIBLING = "same code as {} at other widths and depths; building it costs seconds"
HEAVY = "freezing folds every convolution: minutes and gigabytes here; its family is frozen as {}"
# Whole rows left out of the build: only their numbers are counted, without values.
COUNTED_ONLY = {
    "efficientnet-b1/1": SIBLING.format("efficientnet-b0/1"),
    "efficientnet-b2/1": SIBLING.format("efficientnet-b0/1"),
    "efficientnet-b3/1": SIBLING.format("efficientnet-b0/1"),
    "efficientnet-b4/1": SIBLING.format("efficientnet-b0/1"),
    "efficientnet-b5/1": SIBLING.format("efficientnet-b6/1"),
    "efficientnet-b7/1": SIBLING.format("efficientnet-b6/1"),
    "mnasnet-0.5/1": SIBLING.format("mnasnet-1.0/1"),
    "densenet201/1": SIBLING.format("densenet121/1"),
    "densenet169/1": SIBLING.format("densenet121/1"),
    "vgg19/1": SIBLING.format("vgg16/1"),
}
# Pair forms on ResNet-50 share their code with the SpineNet forms, all five of which are built, and their trunk with resnet50/1.
SHARED = {
    f"resnet50-{form}/1": f"same code as spinenet-{form}/1 on the trunk of resnet50/1" for form in FORMS
}
NOT_FROZEN = {
    "efficientnet-b6/1": HEAVY.format("efficientnet-b0/1"),
    "inception-resnet-v2/1": HEAVY.format("inception-v3/1"),
}
_SMALL = {"stem": 4, "widths": [4, 4, 8, 8], "blocks": [1, 1, 1, 1]}
_OURS: dict[str, dict[str, Any]] = {
    "spinenet/1": {"height": 64, "width": 32, "classes": 10} | _SMALL,
    "locator/1": {"height": 64, "width": 32, "classes": 2, "stem": 4, "widths": [4, 4, 8, 8]},
    "corners/1": {"height": 64, "width": 32, "stem": 4, "widths": [4, 4, 8, 8]},
    "corners-anchored/1": {"height": 64, "width": 32, "stem": 4, "widths": [4, 4, 8, 8]},
    "unet/1": {"height": 32, "width": 16, "classes": 2, "base": 4},
    "ensemble/1": {"height": 75, "width": 75, "classes": 2, "members": ["vgg16", "xception"]},
    **{f"spinenet-{form}/1": {"height": 64, "width": 32, "classes": 3} | _SMALL for form in FORMS},
}


def _params(name: str) -> dict[str, Any]:
    if name in _OURS:
        return _OURS[name]
    side = architectures.BACKBONES[name.removesuffix("/1")].smallest
    return {"height": side, "width": side, "classes": CLASSES}


TABLE = tuple(
    Case(name, _params(name), frozen=NOT_FROZEN.get(name))
    for name in architectures.ARCHITECTURES
    if name not in COUNTED_ONLY and name not in SHARED
)
