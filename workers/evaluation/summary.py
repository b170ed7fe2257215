"""The few lines that a command prints of a record; the rest stands in the report."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from workers.evaluation.figures import quotable
from workers.evaluation.page_parts import interval


def lines(record: Mapping[str, Any]) -> Iterator[str]:
    """Yield the summary of an evaluation."""
    table = record["table"]
    declined = sum(table["declined"].values())
    yield f"{table['cases']} case(s) of {table['patients']} patient(s), split {table['split']}, {declined} declined"
    if record.get("overall"):
        yield f"  accuracy {interval(record['overall']['accuracy'])}  macro F1 {interval(record['overall']['macro_f1'])}"
    if record.get("positive"):
        positive = record["positive"]
        area, how = quotable(positive["auc"])
        yield f"  {positive['name']}: AUC {interval(area)} ({how}; thresholds chosen on: {positive['thresholds_chosen_on']})"
        for point in positive["operating_points"]:
            at, served = point["answered"], point["as_served"]
            yield (
                f"  {point['name']} at {point['threshold']:.4g}: sensitivity {interval(at['sensitivity'])}, "
                f"specificity {interval(at['specificity'])}; as served {interval(served['sensitivity'])}, {interval(served['specificity'])}"
            )
    if "comparison" in record:
        yield from _comparison(record["comparison"])
    for name, found in record["measures"].items():
        yield (
            f"  {name}: analysed {found['analysed']} of {found['cases_with_reference']}, "
            f"mean absolute difference {interval(found.get('mean_absolute_difference'), 2)}, ICC(2,1) {interval(found.get('icc_2_1'))}"
        )


def _comparison(found: Mapping[str, Any]) -> Iterator[str]:
    """Yield the tests of two models on the cases that both answered."""
    right = found["accuracy"]
    yield (
        f"  against the other on {found['cases']} case(s): right only here {right['only_first_right']}, only there "
        f"{right['only_second_right']}, McNemar p {right['p']:.3g}"
    )
    if "delong" in found:
        areas = found["delong"]
        p = "-" if areas["p"] is None else f"{areas['p']:.3g}"
        yield f"  difference in AUC {interval(areas['difference_by_patient'])} (by patient), DeLong p {p}"


def choice_lines(found: Mapping[str, Any]) -> Iterator[str]:
    """Yield the choices of a threshold, and the site's menu."""
    how = "on other cases than these" if found["judged_apart"] else "on the same cases, which flatters them"
    yield f"{found['positive']}: chosen on {found['chosen_on']} case(s), judged on {found['judged_on']}, {how}"
    for one in found["choices"]:
        proof = "" if one.get("proven", True) else f" (NOT proven: {one['positives']} positives are too few)"
        yield (
            f"  {one['rule']}{proof}: threshold {one['threshold']:.4g}, sensitivity {one['sensitivity']:.3f}, "
            f"specificity {one['specificity']:.3f}"
        )
        if "threshold_at_site_prevalence" in one:
            yield f"    on probabilities at the site's prevalence: {one['threshold_at_site_prevalence']:.4g}"
        if "day" in one:
            yield f"    {_day(one['day'])}"
    for row in found["menu"]:
        yield f"  {row['threshold']:.4g}: sensitivity {row['sensitivity']:.3f}, specificity {row['specificity']:.3f}; {_day(row)}"


def _day(day: Mapping[str, Any]) -> str:
    ppv = "-" if day["ppv"] is None else f"{day['ppv']:.2f}"
    return (
        f"{day['flags_per_day']:.1f} flags a day, PPV {ppv}, saves {day['minutes_saved_per_diseased']:.1f} min per diseased "
        f"(phi {day['phi']:.2f}), costs others {day['minutes_lost_per_other']:.2f} min"
    )
