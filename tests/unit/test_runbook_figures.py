"""The runbook names figures that there are, with the labels they have."""

from __future__ import annotations

import re

import pytest
from prometheus_client.metrics import MetricWrapperBase

from tests.house.source import ROOT
from triage import metrics

RUNBOOK = (ROOT / "ops" / "runbook.md").read_text()
ROW = re.compile(r"^\| `spine_triage_(\w+)` \| ([a-z, ]*) \|", re.MULTILINE)
# ux.md 2.6: what a site watches of people and models.
WANTED = {
    "login_total": ("method", "result"),
    "audit_events_total": ("action",),
    "override_total": ("direction", "reason"),
    "feedback_total": ("model", "verdict", "cause"),
    "flag_ratio": ("model", "window"),
    "worklist_unread": ("band",),
}


def declared() -> dict[str, tuple[str, ...]]:
    """Return every figure by its name on the page, with its labels."""
    found = [value for value in vars(metrics).values() if isinstance(value, MetricWrapperBase)]
    return {
        sample: tuple(metric._labelnames)
        for metric in found
        for described in metric.describe()
        for sample in _names(described.name, described.type)
    }


def _names(name: str, kind: str) -> tuple[str, ...]:
    plain = name.removeprefix("spine_triage_")
    ends = {"counter": ("_total",), "histogram": ("", "_count", "_sum", "_bucket")}.get(kind, ("",))
    return tuple(plain + end for end in ends)


def test_every_figure_that_the_runbook_names_is_declared() -> None:
    named = set(re.findall(r"spine_triage_(\w+)", RUNBOOK))
    assert named and named <= set(declared())


@pytest.mark.parametrize("name", WANTED)
def test_what_a_site_watches_is_declared_and_told_with_its_labels(name: str) -> None:
    told = {row: tuple(labels.split(", ")) for row, labels in ROW.findall(RUNBOOK)}
    assert told[name] == declared()[name] == WANTED[name]
