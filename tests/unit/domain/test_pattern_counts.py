"""The pattern of a curve moves a study only where the site's rule gives it a harm, and never takes a fracture's place."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from triage.domain import priority
from triage.domain.finding import CurvePattern, Triage, TriageOutcome
from triage.domain.policy import ATYPICAL_CURVE, FRESH_FRACTURE, FindingWeight, OrderPolicy, PolicyName
from triage.domain.priority import AiStatus, Counted, RequestedPriority, Standing

MORNING = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
USUAL = OrderPolicy()
RULE = replace(USUAL, findings=(*USUAL.findings, FindingWeight(ATYPICAL_CURVE, 0.2, {})))
WAITING = Standing(RequestedPriority.ROUTINE, MORNING)
ABSTAINED = Triage(TriageOutcome.ABSTAINED, None, None, "NO_LATERAL", "No lateral.")
UNFLAGGED = Triage(TriageOutcome.NOT_FLAGGED, 0.02, 0.5, "BELOW_THRESHOLD", "No triage flag.")


def pattern(outcome: TriageOutcome, probability: float | None) -> CurvePattern:
    return CurvePattern("1.2", "1.3", Triage(outcome, probability, 0.5, "", ""))


FOUND = pattern(TriageOutcome.FLAGGED, 0.9)
BELOW = pattern(TriageOutcome.NOT_FLAGGED, 0.4)
UNSURE = pattern(TriageOutcome.ABSTAINED, None)


def answered(triage: Triage, found: CurvePattern | None) -> Standing:
    return replace(
        WAITING,
        ai_status=AiStatus.DONE,
        outcome=triage.outcome,
        ai_sentence=triage.sentence,
        counted=Counted.of(triage, found),
    )


@pytest.mark.parametrize("triage", [ABSTAINED, UNFLAGGED])
def test_a_pattern_moves_nothing_until_the_site_gives_it_a_harm(triage: Triage) -> None:
    with_pattern, without = answered(triage, FOUND), answered(triage, None)
    assert priority.position(with_pattern, USUAL) == priority.position(without, USUAL)
    harmless = replace(USUAL, findings=(*USUAL.findings, FindingWeight(ATYPICAL_CURVE, 0.0, {})))
    assert priority.position(with_pattern, harmless).sentence == priority.position(without, harmless).sentence


@pytest.mark.parametrize("triage", [ABSTAINED, UNFLAGGED])
def test_by_the_sites_rule_it_raises_a_study_and_the_sentence_says_so(triage: Triage) -> None:
    raised, plain = (priority.position(answered(triage, one), RULE) for one in (FOUND, None))
    assert raised.key < plain.key
    assert raised.reason_code == ATYPICAL_CURVE
    assert raised.sentence == f"{priority.BY_RULE}. {plain.sentence}"


def test_a_pattern_below_its_threshold_or_without_an_answer_moves_nothing() -> None:
    plain = priority.position(answered(UNFLAGGED, None), RULE)
    for found in (BELOW, UNSURE):
        assert priority.position(answered(UNFLAGGED, found), RULE) == plain
    assert Counted.of(ABSTAINED, UNSURE) is None


def test_a_fracture_keeps_its_own_sentence() -> None:
    flag = Triage(TriageOutcome.FLAGGED, 0.9, 0.5, "", "")
    place = priority.position(answered(flag, FOUND), RULE)
    assert (place.reason_code, place.sentence) == ("flagged", priority.LOOK_SOONER)


@pytest.mark.parametrize("name", [one for one in PolicyName if one is not PolicyName.SENIORITY])
def test_no_other_order_counts_a_pattern(name: PolicyName) -> None:
    policy = replace(RULE, name=name)
    found, plain = (priority.position(answered(UNFLAGGED, one), policy) for one in (FOUND, None))
    assert found == plain


def test_an_answer_about_the_pattern_alone_leaves_an_earlier_fracture_where_it_was() -> None:
    before = Counted(True, {FRESH_FRACTURE: 0.8})
    after = priority.still_counts(before, Counted.of(ABSTAINED, FOUND), only_raises=False)
    assert after == Counted(True, {FRESH_FRACTURE: 0.8, ATYPICAL_CURVE: 0.9})
    below = priority.still_counts(after, Counted.of(ABSTAINED, BELOW), only_raises=False)
    assert below == Counted(True, {FRESH_FRACTURE: 0.8, ATYPICAL_CURVE: 0.0})
    assert priority.still_counts(after, Counted.of(UNFLAGGED, UNSURE), only_raises=True) == after
