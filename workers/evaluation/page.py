"""The report as one HTML file, drawn from the record: no script, no address outside, readable on paper.

Promise: what stands in the page stands in report.json. It says on top what the model was trained on, and that it is
not for clinical use; an unflagged case is never called anything but not flagged.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any

from workers.evaluation import page_parts as parts
from workers.evaluation import plots
from workers.evaluation.figures import quotable

_STYLE = """
:root{color-scheme:light}body{font:16px/1.5 system-ui,sans-serif;color:#1a1a1a;background:#fff;margin:0 auto;
max-width:84rem;padding:1rem 1.5rem}h1{font-size:1.6rem;margin:.5rem 0}h2{margin-top:2.2rem;border-bottom:1px solid #ccc}
table{border-collapse:collapse;margin:.6rem 0;font-variant-numeric:tabular-nums}caption{text-align:left;font-weight:600;
padding:.3rem 0}th,td{border:1px solid #ccc;padding:.25rem .6rem;text-align:left;vertical-align:top}thead th{background:#f2f4f7}
.wide{overflow-x:auto}.wide:focus{outline:2px solid #0b5394}.banner{background:#fff3cd;border:1px solid #8a6d00;
padding:.6rem 1rem;color:#3d3000}.plots{display:flex;flex-wrap:wrap;gap:1rem}figure{margin:0;max-width:27rem}img{max-width:100%;height:auto}
figcaption,.note{font-size:.9rem;color:#444}.figure,caption{white-space:nowrap}tbody th{min-width:9rem}.open{font-weight:600;color:#8a2c00}
@media print{body{max-width:none}h2{break-after:avoid}figure,tr{break-inside:avoid}}
"""


def page(record: Mapping[str, Any]) -> str:
    """Return the whole page."""
    model = record.get("model", {})
    title = f"Evaluation of {model.get('name') or 'a table of predictions'}"
    body = "\n".join(_sections(record))
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{_STYLE}</style></head><body><header><h1>{escape(title)}</h1>{_banner(model)}</header>"
        f"<main>{body}</main></body></html>\n"
    )


def _banner(model: Mapping[str, Any]) -> str:
    origin = str(model.get("data_origin") or "unknown")
    synthetic = (
        " Trained on <strong>synthetic phantoms</strong>: figures say nothing about patients."
        if "synthetic" in origin
        else ""
    )
    return f'<p class="banner"><strong>Not for clinical use.</strong> Data origin of the model: {escape(origin)}.{synthetic}</p>'


def _sections(record: Mapping[str, Any]) -> Iterator[str]:
    yield parts.section("What was judged", parts.described(record))
    if record.get("overall"):
        yield parts.section("Figures", _figures(record))
    if record.get("positive"):
        yield parts.section("Operating points", parts.operating_points(record["positive"]))
    if record.get("overall"):
        yield parts.section("Confusion and calibration", _confusion(record))
    if record["measures"]:
        yield parts.section("Measures", "".join(_measure(n, m) for n, m in record["measures"].items()))
    if record["subgroups"]:
        yield parts.section("Subgroups", parts.subgroups(record["subgroups"]))
    if record.get("comparison"):
        yield parts.section("Comparison of two models", parts.comparison(record["comparison"]))
    if record.get("readers"):
        yield parts.section("Readers", parts.readers(record["readers"]))
    if record.get("robustness"):
        yield parts.section("Robustness", _robustness(record["robustness"]))
    yield parts.section("Checklist", parts.checklist(record["checklist"]))


def _figures(record: Mapping[str, Any]) -> str:
    text = parts.overall(record["overall"]) + parts.per_class(record["classes"])
    if "positive" not in record:
        return text
    positive, table = record["positive"], record["table"]
    share = table["classes"].get(positive["name"], 0) / max(1, sum(table["classes"].values()))
    area, how = quotable(positive["auc"])
    return text + parts.pictures(
        [
            (
                plots.roc(positive, record.get("readers", [])),
                f"ROC curve of {positive['name']}, area {parts.interval(area)} ({how}); operating points and readers are marked.",
            ),
            (plots.precision_recall(positive, share), f"Precision over recall of {positive['name']}."),
        ]
    )


def _confusion(record: Mapping[str, Any]) -> str:
    names = list(record["table"]["classes"])
    lines = record["reliability"]
    shown = (
        {record["positive"]["name"]: lines[record["positive"]["name"]]} if record.get("positive") else lines
    )
    return (
        parts.pictures(
            [
                (plots.confusion(record["overall"]["confusion"], names), "Confusion, rows are true; colour is the share of the row."),
                (plots.reliability(shown), "Reliability: bins of equal mass; the dotted line is perfect calibration."),
            ]
        )
        + parts.confusion(record["overall"]["confusion"], names)
        + parts.calibration(record["calibration"])
    )  # fmt: skip


def _measure(name: str, measure: Mapping[str, Any]) -> str:
    text = parts.measure(name, measure)
    if measure.get("bland_altman", {}).get("bias") and measure["points"]:
        caption = f"Bland-Altman of {name}: bias and 95 % limits of agreement."
        text += parts.pictures([(plots.bland_altman(measure), caption)])
    return text


def _robustness(rows: Sequence[Mapping[str, Any]]) -> str:
    drawn = [
        (plots.robustness(name, points), f"{name}: accuracy of the answered, and the share declined.")
        for name, points in curves(rows).items()
    ]
    return parts.pictures(drawn) + parts.robustness(rows)


def curves(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[tuple[str, float | None, float]]]:
    """Return corruption -> (level, accuracy of the answered, share declined), the unchanged films first."""
    start = rows[0]
    found: dict[str, list[tuple[str, float | None, float]]] = {}
    for row in rows[1:]:
        points = found.setdefault(row["corruption"], [_point(start, "unchanged")])
        points.append(_point(row, f"{row['level']:.3g}"))
    return found


def _point(row: Mapping[str, Any], level: str) -> tuple[str, float | None, float]:
    return level, row.get("accuracy", {}).get("value"), row["declined"]["value"]
