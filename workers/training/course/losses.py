"""Losses against class imbalance, and those of the networks that answer with a map; backend-agnostic.

Weighted: each class by n / (classes x n_k), as scikit-learn's "balanced". Focal: Lin et al. 2017, the weights as its alpha.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from workers.dataset.balance import FOCAL_GAMMA, weights
from workers.dataset.examples import BODIES
from workers.models.networks.corners import CHANNELS
from workers.training.course.recipe import UNET, Recipe
from workers.training.fit import binary, spots

Loss = Callable[[Any, Any], Any]
_HEAT_SHARE = 5.0


def loss_of(recipe: Recipe, classes: Sequence[str], train_labels: Sequence[str]) -> Loss:
    """The recipe's loss per example [n]; weights come from the training split's labels."""
    if recipe.subject.reads == BODIES:
        return mask_loss if recipe.backbone == UNET else corner_loss
    if recipe.loss == "plain":
        return classification([1.0] * len(classes), 0.0)
    table = weights(train_labels)
    if recipe.loss == "weighted":
        return classification([float(table["class_weights"].get(name, 1.0)) for name in classes], 0.0)
    alpha = [float(table["focal"]["alpha"].get(name, 1.0)) for name in classes]
    return classification(alpha, FOCAL_GAMMA)


def classification(class_weights: Sequence[float], gamma: float) -> Loss:
    """-sum over classes of weight x target x (1 - p)^gamma x log p; targets may be soft."""

    def loss(target: Any, logits: Any) -> Any:
        from keras import ops

        # A network in half precision answers in it; its loss must not.
        logarithm = ops.log_softmax(ops.cast(logits, "float32"), axis=-1)
        terms = ops.cast(target, "float32") * logarithm * ops.convert_to_tensor(class_weights, "float32")
        if gamma:
            terms = terms * (1.0 - ops.exp(logarithm)) ** gamma
        return -ops.sum(terms, axis=-1)

    return loss


def corner_loss(target: Any, logits: Any) -> Any:
    """Binary loss on the heat maps, and the absolute offset error in cells where a body's centre is near.

    target has 11 channels, logits 9 or 11 (networks/corners.py). A map has some four bright cells per body among
    thousands, so its mean is small beside an error in cells: hence the share.
    """
    from keras import ops

    target, logits = ops.cast(target, "float32"), ops.cast(logits, "float32")
    heat = spots(target[..., :1], logits[..., :1])
    if logits.shape[-1] > CHANNELS:
        heat = heat + spots(target[..., CHANNELS:], logits[..., CHANNELS:])
    near = ops.square(target[..., :1])
    off = ops.sum(ops.abs(target[..., 1:CHANNELS] - logits[..., 1:CHANNELS]) * near, axis=(1, 2, 3))
    return _HEAT_SHARE * heat + off / (8.0 * ops.sum(near, axis=(1, 2, 3)) + 1.0)


def mask_loss(target: Any, logits: Any) -> Any:
    """Mean binary loss of all pixels, as the published alignment system was trained."""
    from keras import ops

    each = binary(ops.cast(target, "float32"), ops.cast(logits, "float32"))
    return ops.mean(each, axis=(1, 2))
