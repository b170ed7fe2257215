"""How many of each class there are, which are too few to learn or to judge, and weights against the imbalance.

Promise: only counts and numbers computed from the training split; nothing is resampled behind anybody's back.
Sources: weights n / (classes x n_k) as in scikit-learn's "balanced"; focal loss after Lin 2017, alpha in
proportion to 1 / n_k, summing to the number of classes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

FEW = 100
FOCAL_GAMMA = 2.0
UNEVEN = 4.0


def weights(labels: Sequence[str]) -> dict[str, Any]:
    """Return class weights and focal parameters from the training split's labels."""
    from sklearn.utils.class_weight import compute_class_weight

    if not labels:
        return {"class_weights": {}, "focal": {"gamma": FOCAL_GAMMA, "alpha": {}}}
    names = np.unique(np.array(labels))
    balanced = compute_class_weight("balanced", classes=names, y=np.array(labels))
    alpha = balanced / balanced.mean()
    return {
        "class_weights": {str(n): round(float(w), 6) for n, w in zip(names, balanced, strict=True)},
        "focal": {
            "gamma": FOCAL_GAMMA,
            "alpha": {str(n): round(float(a), 6) for n, a in zip(names, alpha, strict=True)},
        },
    }


def counts(cases: Iterable[tuple[str, str, str]]) -> dict[str, dict[str, dict[str, int]]]:
    """Return split -> label -> {"images", "patients"} from (split, label, patient)."""
    images: Counter[tuple[str, str]] = Counter()
    patients: dict[tuple[str, str], set[str]] = {}
    for split, label, patient in cases:
        images[split, label] += 1
        patients.setdefault((split, label), set()).add(patient)
    table: dict[str, dict[str, dict[str, int]]] = {}
    for split, label in sorted(images):
        row = {"images": images[split, label], "patients": len(patients[split, label])}
        table.setdefault(split, {})[label] = row
    return table


def warnings(totals: Mapping[str, int], table: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return what a person should know before training on this: few, uneven, missing."""
    said = [
        f"class {label!r} has {number} image(s), fewer than {FEW}: expect wide intervals; published systems were worse there"
        for label, number in sorted(totals.items())
        if number < FEW
    ]
    if len(totals) > 1 and max(totals.values()) > UNEVEN * min(totals.values()):
        ratio = max(totals.values()) / max(1, min(totals.values()))
        said.append(
            f"the largest class has {ratio:.1f} times the images of the smallest: use class weights or focal loss"
        )
    said += [
        f"class {label!r} is missing from the split {split!r}"
        for split in sorted(table)
        for label in sorted(totals)
        if label not in table[split]
    ]
    return said
