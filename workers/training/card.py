"""The model card: every figure in it comes from bundle.json and metrics.json, none is typed by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

SITE, PHANTOMS, MIXED = "site", "synthetic-phantom", "site-and-synthetic-phantom"
# Behind one of these where weights were given: what images made those is not known here.
FROM_GIVEN_WEIGHTS = "-from-given-weights"
_MARKS = {SITE: "one site", PHANTOMS: "synthetic", MIXED: "one site and synthetic"}
_FIGURES_OF = {SITE: "one site's patients", PHANTOMS: "synthetic phantoms", MIXED: "patients and phantoms"}
_UNSEEN = {SITE: "patients", PHANTOMS: "phantom patients", MIXED: "patients and phantom patients"}
_BANNERS = {
    SITE: (
        "**Trained and evaluated on one site's images. Nothing here says how it would do at another site, with another "
        "scanner or on later patients. Not for clinical use.**"
    ),
    PHANTOMS: (
        "**Trained and evaluated on synthetic phantoms only. No patient image was used, and nothing here says how it would "
        "do on patients. Not for clinical use.**"
    ),
    MIXED: (
        "**Trained and evaluated on one site's images and on synthetic phantoms together. Nothing here says how it would do "
        "on patients alone. Not for clinical use.**"
    ),
    SITE + FROM_GIVEN_WEIGHTS: (
        "**Trained further, from given weights, and evaluated on one site's images. What images made those weights is not "
        "known here, and nothing here says how it would do at another site. Not for clinical use.**"
    ),
    PHANTOMS + FROM_GIVEN_WEIGHTS: (
        "**Trained further, from given weights, and evaluated on synthetic phantoms. What images made those weights is not "
        "known here, and nothing here says how it would do on patients. Not for clinical use.**"
    ),
    MIXED + FROM_GIVEN_WEIGHTS: (
        "**Trained further, from given weights, and evaluated on one site's images and on synthetic phantoms together. What "
        "images made those weights is not known here. Not for clinical use.**"
    ),
}


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


def table(data: Mapping[str, Any], made_from: str = "synthetic phantoms") -> list[str]:
    """Markdown rows; three numbers in a list are a value with its 95 % interval."""
    return [f"| {made_from} | value [95 % interval] |", "|---|---|", *_rows(data)]


def _point(point: Mapping[str, Any]) -> str:
    said = (f"{key.replace('_', ' ')} {_figure(value)}" for key, value in point.items() if key != "name")
    return f"- {point['name']}: {', '.join(said)}"


def render_card(description: Mapping[str, Any], metrics: Mapping[str, Any]) -> str:
    """Markdown in the order of the usual model card."""
    scope, made = description["scope"], description["provenance"]
    images = made["data_origin"].removesuffix(FROM_GIVEN_WEIGHTS)
    mark = f" ({_MARKS[images]})"
    points = [_point(point) for point in description["operating_points"]]
    lines = [
        f"# {description['name']} {description['version']}{mark}",
        "",
        _BANNERS[made["data_origin"]],
        "",
        "## Scope",
        "",
        scope["text"],
        "",
        f"Modalities {', '.join(scope['modalities'])}; views {', '.join(scope['views'])}.",
        "",
        f"Labels: {', '.join(label['id'] for label in description['labels'])}.",
        "",
        f"## Made from{mark}",
        "",
        *(f"- {key.replace('_', ' ')}: {value}" for key, value in made.items()),
        f"- architecture: {description['architecture']['id']}, input "
        f"{description['input']['height']} x {description['input']['width']}",
        "",
        f"## Operating points{mark}",
        "",
        *(points or ["- none: the class with the highest probability, or an abstention"]),
        "",
        f"## Abstention{mark}",
        "",
        *(f"- {key.replace('_', ' ')}: {_figure(value)}" for key, value in description["ood"].items()),
        "",
        f"## Figures on {_UNSEEN[images]} that training never saw{mark}",
        "",
        *table(metrics, _FIGURES_OF[images]),
        "",
    ]
    return "\n".join(lines)
