"""The parts of the report's page: tables with captions and scopes, pictures with their text.

Promise: every text is escaped; a table that may be wider than a screen scrolls by keyboard, too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from workers.evaluation.checklist import OPEN

_FIGURES = ("accuracy", "sensitivity", "specificity", "ppv", "npv", "f1")
_HEADINGS = ("Accuracy", "Sensitivity (recall)", "Specificity", "PPV (precision)", "NPV", "F1")


def section(title: str, body: str) -> str:
    """Return a section with its heading."""
    return f"<section><h2>{escape(title)}</h2>{body}</section>"


def interval(estimate: Mapping[str, Any] | None, digits: int = 3) -> str:
    """Return "0.91 [0.88, 0.94]", or a dash where it could not be measured."""
    if not estimate or estimate["value"] is None:
        return "–"
    value = f"{estimate['value']:.{digits}f}"
    if estimate["low"] is None or estimate["high"] is None:
        return value
    return f"{value} [{estimate['low']:.{digits}f}, {estimate['high']:.{digits}f}]"


def table(caption: str, heads: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Return a table whose first column heads its rows."""
    head = "".join(f'<th scope="col">{escape(text)}</th>' for text in heads)
    lines = "".join(
        f'<tr><th scope="row">{_cell(row[0])}</th>'
        + "".join(f"<td>{_cell(c)}</td>" for c in row[1:])
        + "</tr>"
        for row in rows
    )
    return (
        f'<div class="wide" tabindex="0" role="region" aria-label="{escape(caption)}"><table><caption>{escape(caption)}'
        f"</caption><thead><tr>{head}</tr></thead><tbody>{lines}</tbody></table></div>"
    )


def _cell(value: Any) -> str:
    if value is None:
        return "–"
    text = escape(f"{value:.4g}" if isinstance(value, float) else str(value))
    if text == OPEN:
        return f'<span class="open">{text}</span>'
    return f'<span class="figure">{text}</span>' if text.endswith("]") else text


def pictures(drawn: Iterable[tuple[str, str]]) -> str:
    """Return pictures, each with the sentence that says what it shows."""
    figures = "".join(
        f'<figure><img src="{address}" alt="{escape(said)}"><figcaption>{escape(said)}</figcaption></figure>'
        for address, said in drawn
    )
    return f'<div class="plots">{figures}</div>'


def note(text: str) -> str:
    """Return a small remark."""
    return f'<p class="note">{escape(text)}</p>'


def described(record: Mapping[str, Any]) -> str:
    """Return what was judged: model, data, counts."""
    judged, model, data = record["table"], record.get("model", {}), record.get("dataset", {})
    declined = ", ".join(f"{reason} {number}" for reason, number in judged["declined"].items()) or "none"
    rows = [
        ("Model", f"{model.get('name', 'unknown')} {model.get('version', '')}".strip()),
        ("Digest of the model", model.get("digest", "unknown")),
        ("Dataset", data.get("digest", "unknown")),
        ("Table (SHA-256)", judged["sha256"] or "unknown"),
        ("Split", judged["split"]),
        ("Cases, patients", f"{judged['cases']}, {judged['patients']}"),
        ("Answered", judged["answered"]),
        ("Declined", declined),
        ("Without label", judged["without_label"]),
        ("Classes", ", ".join(f"{name} {number}" for name, number in judged["classes"].items()) or "none"),
    ]
    said = (
        f"Intervals are 95 %, by patient ({record['rounds']} bootstrap rounds, seed {record['seed']}; exact binomial where each "
        "patient has one case, and where a figure is exactly 0 or 1). A declined case is never counted as a negative among the answered."
    )
    return table("The table of predictions", ("What", "Value"), rows) + note(said)


def overall(found: Mapping[str, Any]) -> str:
    """Return the figures of the likeliest class."""
    rows = [
        ("Accuracy", interval(found["accuracy"])),
        ("Recall, mean over classes", interval(found["macro_recall"])),
        ("Precision, mean over classes", interval(found["macro_precision"])),
        ("F1, mean over classes", interval(found["macro_f1"])),
    ]
    return table("All classes together, by the likeliest class", ("Figure", "Value [95 %]"), rows)


def per_class(classes: Mapping[str, Mapping[str, Any]]) -> str:
    """Return each class against the rest."""
    rows = [
        (
            name, one["cases"], one["patients"], interval(one["auc"]["delong"]), interval(one["auc"]["by_patient"]),
            *(interval(one[key]) for key in _FIGURES),
        )
        for name, one in classes.items()
    ]  # fmt: skip
    heads = ("Class", "Cases", "Patients", "AUC (DeLong)", "AUC (bootstrap by patient)", *_HEADINGS)
    return table("Each class against the rest, by the likeliest class", heads, rows)


def operating_points(positive: Mapping[str, Any]) -> str:
    """Return figures at thresholds, answered and as served, and predictive values by prevalence."""
    rows, shares = [], []
    for point in positive["operating_points"]:
        for key, said in (
            ("answered", "answered cases"),
            ("as_served", "as served: declined is not flagged"),
        ):
            found = point[key]
            counts = "/".join(str(v) for v in found["counts"].values())
            label = f"{point['name']}, {said}"
            rows.append((label, f"{point['threshold']:.4g}", counts, *(interval(found[k]) for k in _FIGURES)))
        shares += [
            (f"{point['name']} at {float(share):.0%}", _plain(values["ppv"]), _plain(values["npv"]))
            for share, values in point["by_prevalence"].items()
        ]
    heads = ("Operating point", "Threshold", "TP/FP/FN/TN", *_HEADINGS)
    caption = f"Figures for {positive['name']} at thresholds chosen on: {positive['thresholds_chosen_on']}"
    return table(caption, heads, rows) + table(
        "Predictive values by prevalence", ("Operating point", "PPV", "NPV"), shares
    )


def _plain(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def confusion(cells: Sequence[Sequence[int]], names: Sequence[str]) -> str:
    """Return the confusion matrix as a table."""
    return table(
        "Confusion, rows are true", ("True", *names), [(n, *row) for n, row in zip(names, cells, strict=True)]
    )


def calibration(found: Mapping[str, Any]) -> str:
    """Return calibration figures."""
    rows = [
        ("Expected calibration error", interval(found["ece"])),
        ("Brier score, summed over the classes: 0 to 2", found["brier"]),
        ("Log-loss", found["log_loss"]),
    ]
    rows += [(f"Calibration {key}", found[key]) for key in ("slope", "intercept") if key in found]
    return table("Calibration", ("Figure", "Value [95 %]"), rows)


def measure(name: str, found: Mapping[str, Any]) -> str:
    """Return the agreement of one measure, its yield first."""
    rows: list[tuple[Any, ...]] = [
        ("Analysed, of cases with a reference", f"{found['analysed']} of {found['cases_with_reference']}"),
        ("Share analysable", interval(found.get("share_analysable"))),
        ("ICC(2,1)", interval(found.get("icc_2_1"))),
        ("Mean absolute difference", interval(found.get("mean_absolute_difference"), 2)),
        ("SD of the absolute difference", found.get("sd_of_absolute_difference")),
        ("Within 5", interval(found.get("within_5"))),
        ("SMAPE, percent", found.get("smape_percent")),
    ]
    limits = found.get("bland_altman", {})
    rows += [
        (said, interval(limits.get(key), 2))
        for key, said in (("bias", "Bias"), ("lower_limit", "Lower limit of agreement"), ("upper_limit", "Upper limit of agreement"))
    ]  # fmt: skip
    return table(f"Agreement with the reference: {name}", ("Figure", "Value [95 %]"), rows)


def subgroups(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return a row per subgroup; figures only where there are enough cases."""
    keys = ("auc", "accuracy", "sensitivity", "specificity", "ppv")
    lines = [
        (
            f"{row['group']}: {row['value']}", row["cases"], row["patients"], row["declined"],
            *(("too few", "", "", "", "") if row.get("too_few") else (interval(row.get(key)) for key in keys)),
        )
        for row in rows
    ]  # fmt: skip
    heads = (
        "Subgroup",
        "Cases",
        "Patients",
        "Declined",
        "AUC",
        "Accuracy",
        "Sensitivity",
        "Specificity",
        "PPV",
    )
    return table("Subgroups, at the first operating point where there is one", heads, lines)


def comparison(found: Mapping[str, Any]) -> str:
    """Return two models on the same cases."""
    return note(f"{found['cases']} cases that both answered; {found['left_out']} left out.") + _tests(found)


def readers(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return each reader beside the model."""
    lines = []
    for row in rows:
        for key, name in (("figures", row["reader"]), ("model", f"model, cases of {row['reader']}")):
            lines.append((name, row["cases"], *(interval(row[key][k]) for k in _FIGURES)))
    text = table("Readers and the model on the same cases", ("Who", "Cases", *_HEADINGS), lines)
    return text + "".join(
        _tests({**row["mcnemar"], "delong": row.get("delong")}, row["reader"]) for row in rows
    )


def _tests(found: Mapping[str, Any], against: str = "second model") -> str:
    rows = [
        (key, f"{t['only_first_right']} / {t['only_second_right']}", t["p"])
        for key in ("accuracy", "sensitivity", "specificity")
        if (t := found.get(key))
    ]
    heads = ("What", "Only the model right / only the other right", "p")
    text = table(f"McNemar's exact test against {against}", heads, rows)
    delong = found.get("delong")
    if delong:
        said = (
            f"DeLong, paired: {delong['first']:.3f} against {delong['second']:.3f}, difference {interval(delong['difference'])}, "
            f"p = {delong['p']}; by patient {interval(delong['difference_by_patient'])}."
        )
        text += note(said)
    return text


def robustness(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return figures under corruption; the first row is the unchanged films."""
    lines = [
        (row["corruption"], f"{row['level']:.3g}", row["cases"], interval(row.get("accuracy")), interval(row["declined"]), row.get("auc"))
        for row in rows
    ]  # fmt: skip
    heads = ("Corruption", "Level", "Cases", "Accuracy of the answered", "Declined", "AUC")
    said = "Declining a spoilt film is right; reported, not a gate. FGSM is a white-box attack that no film meets by chance."
    return note(said) + table("Under corruption", heads, lines)


def checklist(items: Sequence[Mapping[str, str]]) -> str:
    """Return the checklist with what is open."""
    still = sum(item["answer"] == OPEN for item in items)
    said = f"{still} of {len(items)} open. In our own words after STARD 2015, STARD-AI and CLAIM 2024; the published lists decide."
    rows = [(item["item"], item["asks"], item["answer"], item["from"]) for item in items]
    return note(said) + table("Reporting checklist", ("Item", "Asks", "Answer", "From"), rows)
