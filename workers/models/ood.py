"""Is this image like those the network was trained on? If not, the answer is an abstention with its reason.

Three scores on the features of the same forward pass, each divided by its own in-distribution limit: Mahalanobis
distance with one shrunk covariance, distance to the k-th nearest training feature, and a linear head that was trained
against images that are no spine. A fourth, where labels fall into views, is the doubt about the view: a film of a
trained-on view leaves none, so doubt means a stranger. The largest counts. Softmax confidence is not used: noise gets 0.89 of it (models.md 2.5).
Before the network, cheap statistics of the pixels refuse what is no radiograph at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workers.models.calibrate import softmax
from workers.models.preprocess import GrayImage

Array = NDArray[Any]
_MIN_EXTENT = 64
_MAX_ASPECT = 5.0
_MAX_SATURATED = 0.6
_MIN_LEVELS = 16
_MAX_ROUGHNESS = 0.55
_CHECK_EXTENT = 512
# Films of the training kind leave a thousandth of doubt; one in twenty is a person hesitating.
MOST_DOUBT = 0.05


@dataclass(frozen=True)
class Abstention:
    """A short code for counting and a sentence for the reader."""

    code: str
    sentence: str


TOO_SMALL = Abstention("TOO_SMALL", "The image is too small for a radiograph of the spine.")
ASPECT = Abstention("ASPECT", "The image is too long and narrow for a radiograph of the spine.")
CONSTANT = Abstention("CONSTANT", "The image holds almost no structure.")
NOISE = Abstention("NOISE", "The image looks like noise.")
SATURATED = Abstention("SATURATED", "Most of the image is burnt out or black.")
OUT_OF_DISTRIBUTION = Abstention(
    "OUT_OF_DISTRIBUTION", "The image is unlike the spine radiographs that the network was trained on."
)


def check_pixels(image: GrayImage) -> Abstention | None:
    """The gate before the network; works on at most 512 x 512 samples."""
    rows, columns = image.pixels.shape
    if min(rows, columns) < _MIN_EXTENT:
        return TOO_SMALL
    if max(rows, columns) / min(rows, columns) > _MAX_ASPECT:
        return ASPECT
    step = max(1, min(rows, columns) // _CHECK_EXTENT)
    sample = np.asarray(image.pixels[::step, ::step], np.float32)
    return _check_statistics(sample)


def _check_statistics(sample: NDArray[np.float32]) -> Abstention | None:
    low, high = (float(value) for value in np.percentile(sample, (0.5, 99.5)))
    if not np.isfinite([low, high]).all() or high <= low or np.unique(sample[::2, ::2]).size < _MIN_LEVELS:
        return CONSTANT
    unit = np.clip((sample - low) / (high - low), 0, 1)
    if float(np.mean(unit >= 1.0)) > _MAX_SATURATED or float(np.mean(unit <= 0.0)) > _MAX_SATURATED + 0.3:
        return SATURATED
    neighbours = float(np.mean(np.abs(np.diff(unit, axis=0)))) + float(np.mean(np.abs(np.diff(unit, axis=1))))
    shuffled = 2 * float(np.mean(np.abs(unit - np.roll(unit[::-1, ::-1], unit.shape[0] // 3, axis=0))))
    # Neighbouring pixels of a film differ far less than distant ones; in noise they differ as much.
    if shuffled > 0 and neighbours / shuffled > _MAX_ROUGHNESS:
        return NOISE
    return None


@dataclass(frozen=True)
class LinearHead:
    """A dense layer on the features, kept as data beside the network: labels, weight [features, labels], bias."""

    labels: tuple[str, ...]
    weight: NDArray[np.float32]
    bias: NDArray[np.float32]

    def logits(self, features: Array) -> NDArray[np.float32]:
        return np.asarray(np.asarray(features, np.float32) @ self.weight + self.bias, np.float32)


@dataclass(frozen=True)
class ViewDoubt:
    """The network's last layer over its temperature, and the number of each label's view."""

    weight: NDArray[np.float32]
    bias: NDArray[np.float32]
    views: NDArray[np.int64]

    def of(self, features: Array) -> NDArray[np.float32]:
        """1 minus the probability of the likeliest view."""
        probability = softmax(np.asarray(features, np.float32) @ self.weight + self.bias)
        by_view = np.stack([probability[:, self.views == v].sum(axis=1) for v in np.unique(self.views)])
        return np.asarray(1.0 - by_view.max(axis=0), np.float32)


@dataclass(frozen=True)
class Reference:
    """What in-distribution features look like. limits are the scores' own in-distribution quantiles."""

    means: NDArray[np.float32]
    whitening: NDArray[np.float32]
    bank: NDArray[np.float32]
    neighbours: int
    limits: NDArray[np.float32]
    head: LinearHead | None = None
    doubt: ViewDoubt | None = None

    def raw_scores(self, features: Array) -> NDArray[np.float32]:
        """[n, 2 to 4]: Mahalanobis to the nearest class, k-th neighbour, odds of "outside", doubt about the view."""
        white = np.asarray(features, np.float32) @ self.whitening
        centres = self.means @ self.whitening
        squares = ((white[:, None, :] - centres[None]) ** 2).sum(axis=-1)
        scores = [np.sqrt(squares.min(axis=1)), self._neighbour_distance(white)]
        if self.head is not None:
            scores.append(np.exp(np.clip(self.head.logits(features)[:, 0], -20, 20)))
        if self.doubt is not None:
            scores.append(self.doubt.of(features))
        return np.stack(scores, axis=1).astype(np.float32)

    def _neighbour_distance(self, white: NDArray[np.float32]) -> NDArray[np.float32]:
        cross = white @ self.bank.T
        squares = (white**2).sum(axis=1)[:, None] + (self.bank**2).sum(axis=1)[None] - 2 * cross
        nearest = np.partition(squares, self.neighbours - 1, axis=1)[:, self.neighbours - 1]
        return np.asarray(np.sqrt(np.maximum(nearest, 0)), np.float32)

    def scores(self, features: Array) -> NDArray[np.float32]:
        """One number per row of features; above the bundle's threshold (about 1) means outside."""
        return np.asarray((self.raw_scores(features) / self.limits).max(axis=1), np.float32)

    def to_arrays(self) -> dict[str, Array]:
        arrays: dict[str, Array] = {
            "means": self.means,
            "whitening": self.whitening,
            "bank": self.bank.astype(np.float16),
            "neighbours": np.array(self.neighbours),
            "limits": self.limits,
        }
        if self.head is not None:
            arrays |= {"head_weight": self.head.weight, "head_bias": self.head.bias}
        if self.doubt is not None:
            doubt = self.doubt
            arrays |= {"doubt_weight": doubt.weight, "doubt_bias": doubt.bias, "doubt_views": doubt.views}
        return arrays

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Array]) -> Reference:
        head = None
        if "head_weight" in arrays:
            head = LinearHead(("OUTSIDE",), _float(arrays["head_weight"]), _float(arrays["head_bias"]))
        doubt = None
        if "doubt_weight" in arrays:
            weight, bias = _float(arrays["doubt_weight"]), _float(arrays["doubt_bias"])
            doubt = ViewDoubt(weight, bias, np.asarray(arrays["doubt_views"], np.int64))
        return cls(
            _float(arrays["means"]),
            _float(arrays["whitening"]),
            _float(arrays["bank"]),
            int(arrays["neighbours"]),
            _float(arrays["limits"]),
            head,
            doubt,
        )


def _float(array: Array) -> NDArray[np.float32]:
    return np.asarray(array, np.float32)


def whitening(residuals: Array, shrinkage: float) -> NDArray[np.float32]:
    """W with W W' = inverse of the covariance, shrunk towards its diagonal's mean so that it stays invertible."""
    covariance = np.cov(np.asarray(residuals, float), rowvar=False)
    target = np.eye(covariance.shape[0]) * np.trace(covariance) / covariance.shape[0]
    values, vectors = np.linalg.eigh((1 - shrinkage) * covariance + shrinkage * target)
    return np.asarray(vectors / np.sqrt(np.maximum(values, 1e-9)), np.float32)


def fit(
    features: Array,
    labels: Array,
    *,
    held_out: Array,
    head: LinearHead | None = None,
    doubt: ViewDoubt | None = None,
    neighbours: int = 5,
    bank_size: int = 1500,
    shrinkage: float = 0.1,
    quantile: float = 0.99,
    seed: int = 0,
) -> Reference:
    """A reference from training features [n, d] and class numbers [n]; limits come from features not trained on."""
    classes = np.unique(labels)
    means = np.stack([features[labels == value].mean(axis=0) for value in classes]).astype(np.float32)
    residuals = features - means[np.searchsorted(classes, labels)]
    matrix = whitening(residuals, shrinkage)
    chosen = np.random.default_rng(seed).permutation(len(features))[:bank_size]
    bank = (np.asarray(features, np.float32) @ matrix)[np.sort(chosen)].astype(np.float16)
    width = 2 + (head is not None) + (doubt is not None)
    ones = np.ones(width, np.float32)
    open_reference = Reference(means, matrix, _float(bank), neighbours, ones, head, doubt)
    own = held_out if len(held_out) else features
    limits = np.quantile(open_reference.raw_scores(own), quantile, axis=0).astype(np.float32)
    if doubt is not None:
        limits[-1] = MOST_DOUBT
    return Reference(means, matrix, _float(bank), neighbours, limits, head, doubt)


def judge(score: float, threshold: float) -> Abstention | None:
    """The decision on one image's score."""
    return OUT_OF_DISTRIBUTION if not score <= threshold else None
