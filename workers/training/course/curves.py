"""Learning curves of a training, as CSV and as a picture."""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from workers.training.course.checkpoint import Epoch

TABLE, PICTURE = "curves.csv", "curves.png"


def write_curves(folder: Path, history: Sequence[Epoch], title: str) -> None:
    """curves.csv and curves.png below the folder."""
    with (folder / TABLE).open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, list(asdict(history[0])))
        writer.writeheader()
        writer.writerows(asdict(row) for row in history)
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    epochs = [row.epoch for row in history]
    figure, axis = plt.subplots(figsize=(6, 3.6), layout="constrained")
    axis.plot(epochs, [row.train_loss for row in history], label="loss, training patients")
    axis.plot(epochs, [row.tune_loss for row in history], label="loss, tuning patients")
    axis.set(title=title, xlabel="epoch", ylabel="loss")
    scores = [row.tune_score for row in history]
    if not all(math.isnan(score) for score in scores):
        right = axis.twinx()
        right.plot(epochs, scores, "k:", label="score, tuning patients")
        right.set(ylabel="score", ylim=(0, 1))
    figure.legend(loc="outside lower center", ncols=3, fontsize=8)
    figure.savefig(folder / PICTURE, dpi=100)
    plt.close(figure)
