"""The report's pictures, drawn from the record: ROC, precision-recall, reliability, confusion, Bland-Altman.

Promise: SVG as a data address, so that a report is one file; the same record gives the same bytes. Every picture
has a text that says what it shows, and its numbers stand in a table or in report.json.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.figure import Figure

_STYLE: Any = {
    "svg.fonttype": "none", "svg.hashsalt": "spine-triage", "font.family": "sans-serif", "font.size": 9,
    "axes.spines.top": False, "axes.spines.right": False, "axes.grid": True, "grid.alpha": 0.3,
}  # fmt: skip
INK, WARM, GREY = "#0b5394", "#b45f06", "#666666"
_COLOURS = (INK, WARM, "#38761d", "#741b47", "#3d85c6", "#7f6000", "#45818e", "#a64d79", "#434343", "#990000")


def _drawn(draw: Callable[[Any], None], width: float = 4.2, height: float = 3.6) -> str:
    with rc_context(_STYLE):
        figure = Figure(figsize=(width, height), layout="constrained")
        draw(figure.add_subplot())
        stream = io.BytesIO()
        figure.savefig(stream, format="svg", metadata={"Date": None, "Creator": None})
    return "data:image/svg+xml;base64," + base64.b64encode(stream.getvalue()).decode()


def _unit_square(axes: Any, x: str, y: str) -> None:
    axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01), xlabel=x, ylabel=y, aspect="equal")


def roc(positive: Mapping[str, Any], readers: Sequence[Mapping[str, Any]]) -> str:
    """Draw the ROC curve with its operating points and the readers."""

    def draw(axes: Any) -> None:
        x, y = np.array(positive["roc"]).T
        axes.plot([0, 1], [0, 1], color=GREY, linewidth=0.8, linestyle=":")
        axes.step(x, y, where="post", color=INK, label="model")
        for point, marker in zip(positive["operating_points"], "os^Dv<>ph*", strict=False):
            value = point["answered"]
            axes.plot(_fpf(value), value["sensitivity"]["value"], marker, color=WARM, label=point["name"])
        for reader, marker, colour in zip(readers, "x+1234_|" * 9, _COLOURS[2:] * 9, strict=False):
            value = reader["figures"]
            label = reader["reader"]
            axes.plot(
                _fpf(value), value["sensitivity"]["value"], marker, color=colour, label=label, markersize=9
            )
        _unit_square(axes, "1 - specificity", "sensitivity")
        axes.legend(fontsize=7, loc="lower right")

    return _drawn(draw)


def _fpf(figures: Mapping[str, Any]) -> float:
    value = figures["specificity"]["value"]
    return float("nan") if value is None else 1 - value


def precision_recall(positive: Mapping[str, Any], share: float) -> str:
    """Draw precision over recall, with the share of positives that chance would reach."""

    def draw(axes: Any) -> None:
        x, y = np.array(positive["precision_recall"]).T
        axes.step(x, y, where="post", color=INK)
        axes.axhline(share, color=GREY, linewidth=0.8, linestyle=":", label="chance")
        _unit_square(axes, "recall (sensitivity)", "precision (PPV)")
        axes.legend(fontsize=7, loc="lower left")

    return _drawn(draw)


def reliability(lines: Mapping[str, Sequence[Sequence[float]]]) -> str:
    """Draw observed share over predicted probability, a line per class or per stage."""

    def draw(axes: Any) -> None:
        axes.plot([0, 1], [0, 1], color=GREY, linewidth=0.8, linestyle=":")
        for (name, bins), colour in zip(lines.items(), _COLOURS, strict=False):
            if len(bins):
                x, y, _ = np.array(bins, float).T
                axes.plot(x, y, marker=".", color=colour, label=name)
        _unit_square(axes, "predicted probability", "observed share")
        axes.legend(fontsize=7, loc="upper left")

    return _drawn(draw)


def confusion(cells: Sequence[Sequence[int]], names: Sequence[str]) -> str:
    """Draw the confusion matrix; colour is the share of the row, the number is the count."""
    counts = np.array(cells, float)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)

    def draw(axes: Any) -> None:
        axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
        axes.grid(False)
        for (row, column), share in np.ndenumerate(shares):
            ink = "white" if share > 0.5 else "black"
            axes.text(
                column, row, f"{int(counts[row, column])}", ha="center", va="center", color=ink, fontsize=8
            )
        axes.set_xticks(
            range(len(names)),
            names,
            rotation=60 if len(names) > 3 else 0,
            ha="right" if len(names) > 3 else "center",
        )
        axes.set_yticks(range(len(names)), names)
        axes.set(xlabel="said", ylabel="true")

    size = max(3.6, 0.55 * len(names) + 1.6)
    return _drawn(draw, size + 0.6, size)


def bland_altman(measure: Mapping[str, Any]) -> str:
    """Draw differences over means, with bias and limits of agreement."""

    def draw(axes: Any) -> None:
        truth, found = np.array(measure["points"]).T
        axes.plot((truth + found) / 2, found - truth, ".", color=INK, alpha=0.6)
        for name, style in (("bias", "-"), ("lower_limit", "--"), ("upper_limit", "--")):
            axes.axhline(measure["bland_altman"][name]["value"], color=WARM, linestyle=style, linewidth=1)
        axes.set(xlabel="mean of both", ylabel="measured less reference")

    return _drawn(draw)


def robustness(name: str, points: Sequence[tuple[str, float | None, float]]) -> str:
    """Draw accuracy of the answered and the share declined over the levels of one corruption."""

    def draw(axes: Any) -> None:
        places = range(len(points))
        accuracy = [float("nan") if value is None else value for _, value, _ in points]
        axes.plot(places, accuracy, marker="o", color=INK, label="accuracy of the answered")
        axes.plot(
            places,
            [value for _, _, value in points],
            marker="s",
            color=WARM,
            linestyle="--",
            label="declined",
        )
        axes.set_xticks(places, [level for level, _, _ in points])
        axes.set(ylim=(-0.02, 1.02), title=name)
        axes.legend(fontsize=7, loc="center left")

    return _drawn(draw, 3.6, 2.6)
