"""Who goes to which split: by patient, stratified by each patient's rarest label, repeatable from a seed.

Promise: one patient, one split. Within a stratum the number of patients in a split differs from its share
by less than one patient. Splits that the site has already made are kept as they are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from workers.dataset.labels import SPLITS

SHARES: Mapping[str, float] = {"train": 0.60, "tune": 0.10, "calibrate": 0.15, "test": 0.15}


def split_patients(
    labels_of: Mapping[str, Sequence[str]], seed: int, shares: Mapping[str, float] = SHARES
) -> dict[str, str]:
    """Return the split of each patient; labels_of holds the labels of all of a patient's cases."""
    patients_with = Counter(label for labels in labels_of.values() for label in set(labels))
    strata: dict[str, list[str]] = {}
    for patient in sorted(labels_of):
        rarest = min(set(labels_of[patient]), key=lambda label: (patients_with[label], label), default="")
        strata.setdefault(rarest, []).append(patient)
    rng = np.random.default_rng([seed, 17])
    given: dict[str, str] = {}
    for stratum in sorted(strata):
        patients = strata[stratum]
        order = [patients[index] for index in rng.permutation(len(patients))]
        given.update(zip(order, _dealt(len(order), shares, rng), strict=True))
    return given


def _dealt(count: int, shares: Mapping[str, float], rng: np.random.Generator) -> list[str]:
    """Return `count` splits whose numbers are the shares rounded down, the rest drawn by what rounding took."""
    names = [name for name in SPLITS if shares.get(name, 0.0) > 0]
    wanted = np.array([shares[name] for name in names]) * count / sum(shares[name] for name in names)
    whole = np.floor(wanted + 1e-9).astype(int)
    left = count - int(whole.sum())
    if left:
        # Drawn, not the largest remainder: many strata of one patient would otherwise all train.
        odds = np.clip(wanted - whole, 0, None)
        extra = rng.choice(len(names), size=left, replace=False, p=odds / odds.sum())
        whole[extra] += 1
    return [name for name, number in zip(names, whole, strict=True) for _ in range(number)]
