"""Made-up tables of predictions, for the tests of evaluation: binormal scores, several cases per patient."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np


def write_table(
    path: Path, *, cases: int = 300, seed: int = 1, skill: float = 1.5, scored_by: int = 0
) -> Path:
    """Write old-against-fresh predictions. `seed` makes the cases, `scored_by` the model that scored them."""
    rng, model = np.random.default_rng(seed), np.random.default_rng([seed, scored_by])
    patients = rng.integers(0, cases * 2 // 3, cases)
    fresh = rng.random(cases) < 0.35
    splits = rng.choice(["calibrate", "test"], size=cases * 2 // 3)[patients]
    angle = rng.normal(25, 10, cases)
    p = 1 / (1 + np.exp(-(model.normal(size=cases) + skill * fresh - 1)))
    declined = model.random(cases) < 0.05
    with path.open("w", newline="") as stream:
        writer = csv.writer(stream)
        names = ["case", "patient", "label", "p_old", "p_fresh", "declined", "split"]
        writer.writerow([*names, "group_sex", "group_hardware", "truth_cobb", "measured_cobb"])
        for i in range(cases):
            scores = (
                ["", "", "OUT_OF_DISTRIBUTION"] if declined[i] else [f"{1 - p[i]:.6f}", f"{p[i]:.6f}", ""]
            )
            label = "fresh" if fresh[i] else "old"
            group = ["F" if patients[i] % 3 else "M", "screws" if i % 40 == 0 else "none"]
            measured = "" if i % 9 == 0 else f"{angle[i] + model.normal(0.5, 3):.2f}"
            writer.writerow(
                [f"c{i}", f"p{patients[i]}", label, *scores, splits[i], *group, f"{angle[i]:.2f}", measured]
            )
    return path


def write_readers(path: Path, table: Path, *, seed: int = 3) -> Path:
    """Write two readers' calls of the test cases; the second rates from 1 to 5, too."""
    rng = np.random.default_rng(seed)
    with table.open(newline="") as source, path.open("w", newline="") as stream:
        rows = [row for row in csv.DictReader(source) if row["split"] == "test"]
        writer = csv.writer(stream)
        writer.writerow(["case", "reader", "call", "score"])
        for row in rows:
            right = row["label"]
            wrong = "old" if right == "fresh" else "fresh"
            writer.writerow([row["case"], "Reader A", right if rng.random() < 0.85 else wrong, ""])
            call = right if rng.random() < 0.7 else wrong
            writer.writerow(
                [row["case"], "Reader B", call, rng.integers(3, 6) if call == "fresh" else rng.integers(1, 4)]
            )
    return path
