"""/metrics counts what people do and how models answer, with bounded labels and no patient."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from sqlalchemy import Engine

from tests import worklist_cast as cast
from tests.web_site import PlainReader
from triage.domain.reading import Cause, LowerReason, Verdict
from triage.store import audit_counts, lowering, opinions, worklist

Open = Callable[..., PlainReader]


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows count as soon as they are there; outside tests they are left some seconds to appear in order."""
    monkeypatch.setattr(audit_counts, "SETTLED_SECONDS", 0.0)


def figure(text: str, name: str, **labels: str) -> float:
    told = ",".join(f'{label}="{value}"' for label, value in sorted(labels.items()))
    found = re.search(re.escape(f"spine_triage_{name}{{{told}}}") + r" ([0-9.e+-]+)", text)
    return float(found[1]) if found else 0.0


def test_what_people_do_is_counted_once_whoever_did_it(engine: Engine, sit_down: Open) -> None:
    study_id = cast.image_arrives(engine, "one")
    reader = sit_down()
    before = reader.get("/metrics").text
    worklist.pin(engine, study_id, "Dr B", note="SENTINEL surgeon waits")
    worklist.unpin(engine, study_id, "Dr B")
    reader.act("claim", study_id, 3)
    after = reader.get("/metrics").text
    assert reader.get("/metrics").text.count("audit_events_total{") == after.count("audit_events_total{")

    def more(name: str, **labels: str) -> float:
        return figure(after, name, **labels) - figure(before, name, **labels)

    assert more("audit_events_total", action="worklist.claim") == 1
    assert more("override_total", direction="raise", reason="pin") == 1
    assert more("override_total", direction="lower", reason="unpin") == 1
    assert "SENTINEL" not in after and "Dr B" not in after


def test_opinions_are_counted_by_the_model_they_are_about_and_lowerings_by_their_reason(
    engine: Engine, sit_down: Open
) -> None:
    reader = sit_down()
    before = reader.get("/metrics").text
    study_id = cast.image_arrives(engine, "flagged")
    cast.analysed(engine, study_id, cast.flagged())
    opinions.give(engine, study_id, "Dr B", Verdict.DISAGREE, Cause.ARTEFACT)
    lowering.lower(engine, study_id, "Dr B", reason=LowerReason.OTHER, note="SENTINEL said so")
    after = reader.get("/metrics").text
    said = {"model": cast.FLAG.name, "verdict": "disagree", "cause": "artefact"}
    assert figure(after, "feedback_total", **said) == figure(before, "feedback_total", **said) + 1
    moved = {"direction": "lower", "reason": "other"}
    assert figure(after, "override_total", **moved) == figure(before, "override_total", **moved) + 1
    assert "SENTINEL" not in after


def test_unread_studies_are_told_by_band_and_flags_by_model_and_window(
    engine: Engine, sit_down: Open
) -> None:
    for number in range(4):
        answer = cast.flagged() if number == 0 else cast.not_flagged()
        cast.analysed(engine, cast.image_arrives(engine, f"s{number}"), answer)
    cast.image_arrives(engine, "stat", requested="STAT")
    text = sit_down().get("/metrics").text
    assert figure(text, "worklist_unread", band="sooner") == 1
    assert figure(text, "worklist_unread", band="stat") == 1
    assert figure(text, "worklist_unread", band="routine") == 3
    for window in ("50", "200"):
        assert figure(text, "flag_ratio", model=cast.FLAG.name, window=window) == 0.25


def test_a_word_of_another_version_is_one_label_for_all(engine: Engine) -> None:
    assert audit_counts.known("some note that somebody wrote", Cause) == "other"
    assert audit_counts.known("", Cause) == audit_counts.known(None, Verdict) == "none"
