"""The model card: every figure in it comes from bundle.json and metrics.json, none is typed by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

_BANNER = (
    "**Trained and evaluated on synthetic phantoms only. No patient image was used, and nothing here says how it would "
    "do on patients. Not for clinical use.**"
)


def _figure(value: Any) -> str:
    if value is None:
        return "not measurable"
    if isinstance(value, list) and len(value) == 3 and all(isinstance(v, int | float) for v in value):
        return f"{value[0]:.3f} [{value[1]:.3f}, {value[2]:.3f}]"
    if isinstance(value, float):
        return f"{value:.3f}"
    if isinstance(value, list):
        return ", ".join(_figure(v) for v in value)
    return str(value)


def _reliability(bins: Sequence[Sequence[float]]) -> str:
    """Each bin of a reliability plot: mean probability, observed share and number of cases."""
    return "; ".join(f"{mean:.2f}, {share:.2f} ({count:.0f})" for mean, share, count in bins)


def _rows(data: Mapping[str, Any], prefix: str = "") -> list[str]:
    lines: list[str] = []
    for key, value in data.items():
        name = f"{prefix}{key}".replace("_", " ")
        if isinstance(value, Mapping):
            lines += _rows(value, f"{prefix}{key} / ")
        elif key == "reliability":
            lines.append(f"| {name}: probability, observed share (n) | {_reliability(value)} |")
        else:
            lines.append(f"| {name} | {_figure(value)} |")
    return lines


def table(data: Mapping[str, Any]) -> list[str]:
    """Markdown rows; three numbers in a list are a value with its 95 % interval."""
    return ["| synthetic phantoms | value [95 % interval] |", "|---|---|", *_rows(data)]


def render_card(description: Mapping[str, Any], metrics: Mapping[str, Any]) -> str:
    """Markdown in the order of the usual model card."""
    scope, made = description["scope"], description["provenance"]
    points = [
        f"- {point['name']}: "
        + ", ".join(f"{k.replace('_', ' ')} {_figure(v)}" for k, v in point.items() if k != "name")
        for point in description["operating_points"]
    ]
    lines = [
        f"# {description['name']} {description['version']} (synthetic)",
        "",
        _BANNER,
        "",
        "## Scope",
        "",
        scope["text"],
        "",
        f"Modalities {', '.join(scope['modalities'])}; views {', '.join(scope['views'])}.",
        "",
        f"Labels: {', '.join(label['id'] for label in description['labels'])}.",
        "",
        "## Made from (synthetic)",
        "",
        *(f"- {key.replace('_', ' ')}: {value}" for key, value in made.items()),
        f"- architecture: {description['architecture']['id']}, input "
        f"{description['input']['height']} x {description['input']['width']}",
        "",
        "## Operating points (synthetic)",
        "",
        *(points or ["- none: the class with the highest probability, or an abstention"]),
        "",
        "## Abstention (synthetic)",
        "",
        *(f"- {key.replace('_', ' ')}: {_figure(value)}" for key, value in description["ood"].items()),
        "",
        "## Figures on phantom patients that training never saw (synthetic)",
        "",
        *table(metrics),
        "",
    ]
    return "\n".join(lines)
