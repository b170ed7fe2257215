"""Package the view gate: temperature, abstention reference with its head, coverage head, figures on the test patients."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from workers.evaluation import statistics
from workers.models import calibrate, ood
from workers.models.bundle_write import Draft
from workers.training.cache import Cache
from workers.training.packaging import draft, threshold_at
from workers.training.served import Network
from workers.training.tasks import COVERAGES, GATE, VIEWS

Array = NDArray[Any]
FALSE_REJECT = 0.025


class _Split:
    """Outputs and truth of one split's films."""

    def __init__(self, cache: Cache, network: Network, split: str) -> None:
        self.films = cache.film_indices(split)
        outputs = network.run(cache.units[self.films])
        self.logits, self.features = outputs["logits"], outputs["features"]
        self.category = np.array([cache.category(int(i)) for i in self.films])
        self.coverage = np.array([COVERAGES.index(cache.films[int(i)]["coverage"]) for i in self.films])


def _heads(arrays: Mapping[str, Array]) -> tuple[ood.LinearHead, ood.LinearHead]:
    coverage = ood.LinearHead(COVERAGES, arrays["heads/coverage/weight"], arrays["heads/coverage/bias"])
    outside = ood.LinearHead(("OUTSIDE",), arrays["heads/outside/weight"], arrays["heads/outside/bias"])
    return coverage, outside


def _doubt(weights: Mapping[str, Array], temperature: float) -> ood.ViewDoubt:
    """The last layer as it is served: float16 values, divided by the temperature."""
    kernel, bias = (
        weights[f"logits/{part}"].astype(np.float16).astype(np.float32) for part in ("kernel", "bias")
    )
    views = np.array([VIEWS.index(str(label["view"])) for label in GATE.labels], np.int64)
    return ood.ViewDoubt(kernel / np.float32(temperature), bias / np.float32(temperature), views)


def _stranger_figures(
    cache: Cache, network: Network, reference: ood.Reference, threshold: float, inside: Array
) -> dict[str, Any]:
    """Share refused and AUROC of the score, per kind, on strangers training never saw."""
    chosen = np.concatenate([cache.stranger_indices(split) for split in ("tune", "calibrate", "test")])
    scores = reference.scores(network.run(cache.stranger_units[chosen])["features"])
    kinds = np.array([cache.strangers[int(i)]["kind"] for i in chosen])
    figures: dict[str, Any] = {}
    for kind in np.unique(kinds):
        own = scores[kinds == kind]
        figures[str(kind)] = {
            "refused": statistics.proportion(int((own > threshold).sum()), len(own)).rounded(3),
            "auroc": round(_auroc(own, inside), 4),
        }
    figures["all"] = {
        "refused": statistics.proportion(int((scores > threshold).sum()), len(scores)).rounded(3),
        "auroc": round(_auroc(scores, inside), 4),
    }
    return figures


def _auroc(outside: Array, inside: Array) -> float:
    labels = np.concatenate([np.ones(len(outside), bool), np.zeros(len(inside), bool)])
    return statistics.auc(np.concatenate([outside, inside]), labels)


def _ladder(
    cache: Cache, network: Network, split: _Split, reference: ood.Reference, threshold: float
) -> dict[str, Any]:
    """Accuracy of all ten categories and share refused under spoilt exposure."""
    units = cache.units[split.films].astype(np.float32) / np.float32(255)
    rng = np.random.default_rng(5)
    changes: dict[str, Any] = {
        "noise 0.05": lambda x: np.clip(
            x + rng.standard_normal(x.shape, np.float32) * np.float32(0.05), 0, 1
        ),
        "noise 0.10": lambda x: np.clip(
            x + rng.standard_normal(x.shape, np.float32) * np.float32(0.10), 0, 1
        ),
        "blur 1 px": lambda x: gaussian_filter(x, 1.0),
        "blur 2 px": lambda x: gaussian_filter(x, 2.0),
        "gamma 0.5": lambda x: np.sqrt(x),
        "gamma 2": lambda x: x * x,
    }
    figures = {}
    for name, change in changes.items():
        outputs = network.run(np.stack([change(unit) for unit in units]))
        right = outputs["logits"].argmax(axis=1) == split.category
        refused = reference.scores(outputs["features"]) > threshold
        figures[name] = {
            "accuracy": round(float(right.mean()), 4),
            "refused": round(float(refused.mean()), 4),
        }
    return figures


def _share(right: Array) -> list[float]:
    return statistics.proportion(int(right.sum()), len(right)).rounded()


def _accuracies(split: _Split, coverage: ood.LinearHead, accepted: Array) -> dict[str, Any]:
    guess, truth = split.logits.argmax(axis=1), split.category
    view = guess // 5 == truth // 5
    operative = (guess % 5 >= 2) == (truth % 5 >= 2)
    whole = coverage.logits(split.features).argmax(axis=1) == split.coverage
    return {
        "films": len(truth),
        "AP or lateral right, all films": _share(view),
        "AP or lateral right, accepted films": _share(view[accepted]),
        "pre or post-operative right": _share(operative),
        "ten categories right": _share(guess == truth),
        "ten categories right, accepted films": _share((guess == truth)[accepted]),
        "whole or partial right": _share(whole),
        "refused": _share(~accepted),
    }


def _by_category(split: _Split) -> dict[str, Any]:
    guess, figures = split.logits.argmax(axis=1), {}
    for index, label in enumerate(GATE.labels):
        own, called = split.category == index, guess == index
        figures[str(label["id"])] = {
            "films": int(own.sum()),
            "recall": _share(called[own]),
            "precision": _share(own[called]) if called.any() else [0.0, 0.0, 1.0],
        }
    return figures


def _calibration(temperature: float, split: _Split) -> dict[str, Any]:
    guess = split.logits.argmax(axis=1)
    right = (guess == split.category).astype(float)
    before = calibrate.softmax(split.logits).max(axis=1)
    after = calibrate.softmax(split.logits / temperature).max(axis=1)
    return {
        "temperature": round(temperature, 4),
        "expected_calibration_error_before": round(statistics.calibration_error(before, right), 4),
        "expected_calibration_error": round(statistics.calibration_error(after, right), 4),
        "reliability": [[round(p, 4), round(o, 4), n] for p, o, n in statistics.reliability(after, right)],
    }


def package_gate(
    cache: Cache, weights: Mapping[str, Array], heads: Mapping[str, Array], origin: Mapping[str, Any]
) -> Draft:
    """Limits on the tuning patients, threshold and temperature on the calibration patients, figures on the test ones."""
    network = Network(GATE, weights)
    coverage, outside = _heads(heads)
    splits = {name: _Split(cache, network, name) for name in ("train", "tune", "calibrate", "test")}
    train, check, test = splits["train"], splits["calibrate"], splits["test"]
    temperature = statistics.fit_temperature(check.logits, check.category)
    reference = ood.fit(
        train.features,
        train.category,
        held_out=splits["tune"].features,
        head=outside,
        doubt=_doubt(weights, temperature),
    )
    threshold = threshold_at(reference.scores(check.features), FALSE_REJECT)
    inside = reference.scores(test.features)
    accepted = inside <= threshold
    guess = test.logits.argmax(axis=1)
    metrics = {
        "accuracy": _accuracies(test, coverage, accepted),
        "categories": _by_category(test),
        "confusion": np.histogram2d(test.category, guess, bins=(np.arange(11), np.arange(11)))[0]
        .astype(int)
        .tolist(),
        "calibration": _calibration(temperature, test),
        "strangers": _stranger_figures(cache, network, reference, threshold, inside),
        "robustness": _ladder(cache, network, test, reference, threshold),
    }
    return draft(
        GATE, network, origin=origin, calibration={"method": "temperature", "temperature": temperature},
        operating_points=[], reference=reference, examples=cache.units[test.films], metrics=metrics,
        out_of_distribution={"threshold": threshold, "false_reject_target": FALSE_REJECT,
                             "false_reject_rate": _share(~accepted)},
        heads={"coverage": coverage},
    )  # fmt: skip
