"""Five forms of one network on a pair of radiographs, coronal and sagittal (Chen et al. 2025, doi 10.1177/21925682251349999).

All read the pair [n, height, width, 2], channel 0 coronal and 1 sagittal, so that they compare on the same batches.
coronal and sagittal look at one channel; dual gives each view its own trunk and head and averages the two logits;
concat joins the pooled features before one head; bilinear multiplies the two maps at each position, sums, takes the
signed root and unit length (Lin et al., ICCV 2015), after a projection to 256 channels: 2048 x 2048 would make 4.2 million
inputs per class. The forms' internals are our reading: the publication names them only.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from workers.models.networks.backbone import head, renamed, trunk_of
from workers.models.networks.resnet import BACKBONES
from workers.models.networks.spinenet import trunk

FORMS = ("coronal", "sagittal", "dual", "concat", "bilinear")
VIEWS = ("coronal", "sagittal")
_PROJECTED = 256
_TINY = 1e-6
Trunk = Callable[[Any, str], Any]


def _one(maps: list[Any], classes: int) -> dict[str, Any]:
    logits, features = head(maps[0], classes)
    return {"logits": logits, "features": features, "last_map": maps[0]}


def _dual(maps: list[Any], classes: int) -> dict[str, Any]:
    from keras import layers

    answers = [head(last_map, classes, f"{view}_") for last_map, view in zip(maps, VIEWS, strict=True)]
    logits = layers.Average(name="logits")([answer for answer, _ in answers])
    features = layers.Concatenate(name="features")([features for _, features in answers])
    return {"logits": logits, "features": features, "last_map": layers.Concatenate(name="maps")(maps)}


def _concat(maps: list[Any], classes: int) -> dict[str, Any]:
    from keras import layers

    joined = layers.Concatenate(name="maps")(maps)
    logits, features = head(joined, classes)
    return {"logits": logits, "features": features, "last_map": joined}


def _bilinear(maps: list[Any], classes: int) -> dict[str, Any]:
    """features are the pooled projections, at most 512 numbers: the 65,536 products are too many for a distance."""
    from keras import layers, ops

    width = min(_PROJECTED, int(maps[0].shape[-1]))
    narrow = [
        layers.Conv2D(width, 1, name=f"{view}_project")(last_map)
        for last_map, view in zip(maps, VIEWS, strict=True)
    ]
    flat = [layers.Reshape((-1, width), name=f"{v}_flat")(m) for m, v in zip(narrow, VIEWS, strict=True)]
    product = layers.Dot(axes=1, name="product")(flat)
    vector = layers.Flatten(name="products")(product)
    rooted = ops.sign(vector) * ops.sqrt(ops.abs(vector) + _TINY)
    unit = layers.UnitNormalization(name="unit")(rooted)
    logits = layers.Dense(classes, name="logits")(layers.Dropout(0.2, name="dropout")(unit))
    joined = layers.Concatenate(name="maps")(narrow)
    features = layers.GlobalAveragePooling2D(name="features")(joined)
    return {"logits": logits, "features": features, "last_map": joined}


_ENDINGS = {"coronal": _one, "sagittal": _one, "dual": _dual, "concat": _concat, "bilinear": _bilinear}


def _pair(form: str, height: int, width: int, classes: int, trunk_on: Trunk) -> Any:
    import keras

    inputs = keras.Input((height, width, 2), name="pair")
    seen = [view for view in VIEWS if form not in VIEWS or view == form]
    maps = [
        trunk_on(inputs[..., VIEWS.index(view) : VIEWS.index(view) + 1], f"{view}_trunk") for view in seen
    ]
    return keras.Model(inputs, _ENDINGS[form](maps, classes))


def resnet50_pair(form: str) -> Callable[[int, int, int], Any]:
    """The published form; parameters height, width, classes."""

    def build(height: int, width: int, classes: int) -> Any:
        return _pair(
            form, height, width, classes, lambda view, name: trunk_of(BACKBONES["resnet50"], view, name)
        )

    return build


def spinenet_pair(form: str) -> Callable[..., Any]:
    """The same form on small trunks, parameters as SpineNet's."""

    def build(
        height: int, width: int, classes: int, stem: int, widths: Sequence[int], blocks: Sequence[int]
    ) -> Any:
        def small() -> Any:
            import keras

            inputs = keras.Input((height, width, 1), name="image")
            return keras.Model(inputs, trunk(inputs, stem, widths, blocks))

        return _pair(form, height, width, classes, lambda view, name: renamed(small, name)(view))

    return build
