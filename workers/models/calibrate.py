"""From logits to calibrated probabilities, and from vertebrae to one probability per image.

Promise: two lines of numpy per step, driven by the numbers in the bundle; monotone (with isotonic steps ties may appear,
and beyond two classes normalising may reorder near-ties), so a calibration re-labels scores rather than re-ranks them.
Refuses: a calibration method it does not know.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
_EPS = 1e-6


def sigmoid(values: Array) -> NDArray[np.float64]:
    clipped = np.clip(np.asarray(values, float), -60.0, 60.0)
    return np.asarray(1.0 / (1.0 + np.exp(-clipped)), np.float64)


def softmax(logits: Array) -> NDArray[np.float64]:
    shifted = np.asarray(logits, float) - np.max(logits, axis=-1, keepdims=True)
    weights = np.exp(shifted)
    return np.asarray(weights / weights.sum(axis=-1, keepdims=True), np.float64)


def logit(probability: Array) -> NDArray[np.float64]:
    clipped = np.clip(np.asarray(probability, float), _EPS, 1 - _EPS)
    return np.asarray(np.log(clipped) - np.log1p(-clipped), np.float64)


def apply(logits: Array, calibration: Mapping[str, Any]) -> NDArray[np.float64]:
    """Probabilities [n, classes] from logits [n, classes]; "none", "temperature" and "isotonic" are known.

    A temperature may come with one bias per class, which undoes the class balance of training. Isotonic steps map each
    class's softmax on its own, then the classes are normalised.
    """
    method = calibration["method"]
    if method == "none":
        return softmax(logits)
    if method == "temperature":
        bias = np.asarray(calibration.get("bias", 0.0), float)
        return softmax(np.asarray(logits, float) / float(calibration["temperature"]) + bias)
    if method == "isotonic":
        return _stepped(softmax(logits), calibration["classes"])
    raise ValueError(f"unknown calibration method {method!r}")


def _stepped(probabilities: NDArray[np.float64], steps: Sequence[Mapping[str, Any]]) -> NDArray[np.float64]:
    mapped = np.stack(
        [np.interp(probabilities[:, k], one["x"], one["y"]) for k, one in enumerate(steps)], axis=1
    )
    total = mapped.sum(axis=1, keepdims=True)
    # All steps at zero: nothing was ever seen there, so the network's own answer stands.
    return np.asarray(
        np.where(total > 0, mapped / np.where(total > 0, total, 1.0), probabilities), np.float64
    )


def aggregate(vertebrae: Array, method: str) -> float:
    """One score in 0..1 from the vertebrae's probabilities of the positive class."""
    values = np.asarray(vertebrae, float)
    if values.size == 0:
        raise ValueError("no vertebra, no score")
    if method == "max":
        return float(values.max())
    if method == "noisy-or":
        return float(1.0 - np.prod(1.0 - np.clip(values, 0.0, 1.0)))
    raise ValueError(f"unknown aggregate {method!r}")


def image_probability(vertebrae: Array, study: Mapping[str, Any]) -> float:
    """The image's calibrated probability: aggregate, then Platt on its logit. study is calibration["study"]."""
    score = logit(np.array(aggregate(vertebrae, str(study["aggregate"]))))
    return float(sigmoid(np.array(float(study["slope"]) * score + float(study["intercept"]))))
