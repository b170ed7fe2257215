"""Outcomes cross processes as JSON and come back equal."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from tests.cast import evidence_draft, outcome
from triage.domain.finding import (
    CurvePattern,
    EvidenceDraft,
    Outcome,
    Triage,
    TriageOutcome,
    VertebraFinding,
)


def test_an_outcome_survives_json() -> None:
    square = ((0.5, 0.5), (9.5, 0.5), (9.5, 9.5), (0.5, 0.5))
    vertebra = VertebraFinding("1.2", "L1", "fresh", 0.1, 0.2, 0.7, (5.0, 5.0), square)
    before = outcome()
    pattern = CurvePattern(
        "1.2", "1.3", Triage(TriageOutcome.NOT_FLAGGED, 0.2, 0.5, "BELOW_THRESHOLD", "No.")
    )
    before = Outcome(
        before.views, (vertebra,), (), before.triage, before.models, {"decode": 1.5}, pattern=pattern
    )
    assert Outcome.from_json(json.loads(json.dumps(before.to_json()))) == before


def test_an_older_page_is_told_of_no_key_that_it_cannot_read() -> None:
    square = ((0.5, 0.5), (9.5, 0.5), (9.5, 9.5), (0.5, 0.5))
    named = VertebraFinding("1.2", "L1", "fresh", 0.1, 0.2, 0.7, (5.0, 5.0), square)
    both = replace(outcome(), vertebrae=(named, replace(named, level=None, counted=3))).to_json()
    assert ["counted" in body for body in both["vertebrae"]] == [False, True]


def test_a_draft_survives_json() -> None:
    before = evidence_draft()
    assert EvidenceDraft.from_json(json.loads(json.dumps(before.to_json()))) == before


def test_an_outcome_that_lacks_a_part_is_refused() -> None:
    broken = outcome().to_json()
    del broken["triage"]
    with pytest.raises(KeyError):
        Outcome.from_json(broken)
