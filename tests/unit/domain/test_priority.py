"""The order of the list: total, stable, explained, and never lowered by a result."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triage.domain import priority
from triage.domain.finding import TriageOutcome
from triage.domain.policy import FRESH_FRACTURE, FindingWeight, OrderPolicy, PolicyName
from triage.domain.priority import AiStatus, Counted, Pin, Position, RequestedPriority, Standing, Tier

POLICY = OrderPolicy()
MORNING = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
ARRIVED = st.integers(0, 60 * 24 * 14).map(lambda minute: MORNING + timedelta(minutes=minute))
PROBABILITY = st.floats(0, 1, allow_nan=False)
OUTCOMES = st.sampled_from(list(TriageOutcome))
POLICIES = st.sampled_from([OrderPolicy(name=name) for name in PolicyName])


def counted(probability: float, *, flagged: bool = True) -> Counted:
    """Return what an answer about fresh fractures counts for."""
    return Counted(flagged, {FRESH_FRACTURE: probability})


def flagged_with(standing: Standing, probability: float) -> Standing:
    """Return the study once a model flagged it."""
    answer = counted(probability)
    return replace(standing, ai_status=AiStatus.DONE, outcome=TriageOutcome.FLAGGED, counted=answer)


@st.composite
def standings(draw: st.DrawFn) -> Standing:
    """Any study as it may stand on the list."""
    outcome = draw(st.none() | OUTCOMES)
    answered = outcome in (TriageOutcome.FLAGGED, TriageOutcome.NOT_FLAGGED)
    return Standing(
        requested=draw(st.sampled_from(list(RequestedPriority))),
        arrived_at=draw(ARRIVED),
        ai_status=draw(st.sampled_from(list(AiStatus))),
        outcome=outcome,
        counted=counted(draw(PROBABILITY), flagged=outcome is TriageOutcome.FLAGGED) if answered else None,
        pin=draw(st.none() | st.just(Pin("Dr Ito", "surgeon waiting"))),
    )


def _sorting_key(position: Position, standing: Standing, uid: str) -> tuple[int, float, datetime, str]:
    return int(position.tier), position.key, standing.arrived_at, uid


@given(st.lists(standings(), min_size=2, max_size=12))
def test_the_order_is_total_and_does_not_depend_on_how_the_rows_were_found(found: list[Standing]) -> None:
    keyed = [_sorting_key(priority.position(s, POLICY), s, f"2.25.{n}") for n, s in enumerate(found)]
    shuffled = keyed[:]
    random.Random(1).shuffle(shuffled)
    assert sorted(shuffled) == sorted(keyed)
    assert len(set(keyed)) == len(keyed), "no two studies share a place"


@given(standings())
def test_a_position_depends_on_the_study_alone_and_not_on_the_time_of_asking(standing: Standing) -> None:
    assert priority.position(standing, POLICY) == priority.position(standing, POLICY)


@given(standings(), OUTCOMES, PROBABILITY, POLICIES)
def test_a_first_result_never_lowers_a_study_under_any_policy(
    standing: Standing, outcome: TriageOutcome, probability: float, policy: OrderPolicy
) -> None:
    unanswered = replace(standing, outcome=None, counted=None, ai_status=AiStatus.WAITING)
    before = priority.position(unanswered, policy)
    said = counted(probability, flagged=outcome is TriageOutcome.FLAGGED)
    answer = None if outcome is TriageOutcome.ABSTAINED else said
    after = priority.position(replace(unanswered, outcome=outcome, counted=answer), policy)
    assert (after.tier, after.key) <= (before.tier, before.key)


@given(standings(), PROBABILITY, PROBABILITY, st.booleans(), POLICIES)
def test_a_newer_result_never_puts_a_study_behind_its_requested_class(
    standing: Standing, one: float, other: float, flags: bool, policy: OrderPolicy
) -> None:
    rests_on = priority.still_counts(counted(one), counted(other, flagged=flags), only_raises=False)
    assert rests_on == counted(other, flagged=flags), "the newer answer counts, also downwards"
    revised = replace(standing, counted=rests_on, pin=None)
    bottom = priority.class_key(standing.arrived_at, standing.requested, policy)
    assert priority.position(revised, policy).key <= bottom


@given(standings(), PROBABILITY, PROBABILITY, st.booleans(), st.booleans(), POLICIES)
def test_no_result_lowers_a_study_that_a_person_touched(
    standing: Standing, one: float, other: float, flagged: bool, flags: bool, policy: OrderPolicy
) -> None:
    before = replace(standing, counted=counted(one, flagged=flagged))
    newer = priority.still_counts(before.counted, counted(other, flagged=flags), only_raises=True)
    after = replace(standing, counted=newer)
    assert priority.position(after, policy).key <= priority.position(before, policy).key


@given(PROBABILITY, st.booleans())
def test_an_abstention_leaves_the_answer_that_the_place_rests_on(probability: float, touched: bool) -> None:
    assert priority.still_counts(counted(probability), None, only_raises=touched) == counted(probability)


@given(ARRIVED, st.sampled_from(list(RequestedPriority)), PROBABILITY)
def test_an_unflagged_study_is_never_behind_the_same_study_unanalysed(
    arrived: datetime, requested: RequestedPriority, probability: float
) -> None:
    failed = Standing(requested, arrived, AiStatus.NOT_ANALYSED, "no lateral view")
    unflagged = Standing(
        requested,
        arrived,
        AiStatus.DONE,
        outcome=TriageOutcome.NOT_FLAGGED,
        counted=counted(probability, flagged=False),
    )
    assert priority.position(unflagged, POLICY).key <= priority.position(failed, POLICY).key


@given(ARRIVED, PROBABILITY, PROBABILITY, st.sampled_from(list(RequestedPriority)))
def test_a_higher_probability_never_stands_behind_a_lower_one_of_the_same_arrival(
    arrived: datetime, one: float, other: float, requested: RequestedPriority
) -> None:
    low, high = sorted((one, other))
    flagged = [flagged_with(Standing(requested, arrived), p) for p in (low, high)]
    keys = [priority.position(standing, POLICY).key for standing in flagged]
    assert keys[1] <= keys[0]


TWO_FINDINGS = OrderPolicy(
    findings=(*OrderPolicy().findings, FindingWeight("cord-compression", 0.6, {"HIGH": 0.02}))
)


@given(st.floats(-10, 10), st.floats(-10, 10), st.sampled_from(list(RequestedPriority)))
def test_the_cost_of_delay_stays_between_nought_and_one(
    one: float, other: float, requested: RequestedPriority
) -> None:
    found = {FRESH_FRACTURE: one, "cord-compression": other}
    assert 0.0 <= priority.cost_of_delay(found, requested, TWO_FINDINGS) <= 1.0


@given(PROBABILITY, PROBABILITY, PROBABILITY, st.sampled_from(list(RequestedPriority)))
def test_more_of_any_finding_never_lowers_the_cost_of_delay(
    one: float, less: float, more: float, requested: RequestedPriority
) -> None:
    low, high = sorted((less, more))
    costs = [
        priority.cost_of_delay({FRESH_FRACTURE: one, "cord-compression": p}, requested, TWO_FINDINGS)
        for p in (low, high)
    ]
    assert costs[0] <= costs[1] + 1e-12


def test_another_models_finding_is_one_more_row_and_costs_its_share() -> None:
    found = {FRESH_FRACTURE: 0.3, "cord-compression": 0.5}
    cost = priority.cost_of_delay(found, RequestedPriority.ROUTINE, TWO_FINDINGS)
    assert cost == pytest.approx(0.3 * 1.0 + 0.5 * 0.6 + 0.7 * 0.5 * 0.01)


def test_the_strict_orders_keep_class_and_flag_apart_whatever_the_arrival() -> None:
    late = MORNING + timedelta(days=60)
    human, flag = OrderPolicy(name="human"), OrderPolicy(name="flag")
    urgent, old = Standing(RequestedPriority.HIGH, late), Standing(RequestedPriority.ROUTINE, MORNING)
    assert priority.position(urgent, human).key < priority.position(old, human).key
    flagged = flagged_with(Standing(RequestedPriority.LOW, late), 0.01)
    assert priority.position(flagged, flag).key < priority.position(urgent, flag).key
    fifo = OrderPolicy(name="fifo")
    assert priority.position(old, fifo).key < priority.position(flagged, fifo).key


@given(standings(), POLICIES)
def test_the_figures_behind_a_place_are_those_the_place_was_made_of(
    standing: Standing, policy: OrderPolicy
) -> None:
    behind = priority.numbers(standing, policy)
    assert behind.key == priority.position(standing, policy).key
    assert behind.key <= behind.key_of_class
    if policy.name == "seniority":
        assert behind.key == pytest.approx(behind.arrival_minutes - behind.head_start_minutes)


def test_the_head_start_of_a_sure_flag_is_b_times_the_difference_of_costs() -> None:
    plain = Standing(RequestedPriority.ROUTINE, MORNING)
    sure = flagged_with(plain, 1.0)
    ahead = priority.position(plain, POLICY).key - priority.position(sure, POLICY).key
    prior_cost = 0.03 + 0.97 * 0.01
    assert ahead == pytest.approx(2880 * (1.0 - prior_cost))


def test_an_urgent_order_has_the_head_start_that_the_paper_gives_it() -> None:
    routine = priority.class_key(MORNING, RequestedPriority.ROUTINE, POLICY)
    urgent = priority.class_key(MORNING, RequestedPriority.HIGH, POLICY)
    assert routine - urgent == pytest.approx(690, abs=25)


def test_a_later_flag_overtakes_only_within_its_head_start() -> None:
    flag = flagged_with(Standing(RequestedPriority.ROUTINE, MORNING), 0.5)
    key = priority.position(flag, POLICY).key
    hour_before = priority.class_key(MORNING - timedelta(hours=1), RequestedPriority.ROUTINE, POLICY)
    days_before = priority.class_key(MORNING - timedelta(days=2), RequestedPriority.ROUTINE, POLICY)
    assert days_before < key < hour_before


ROUTINE = Standing(RequestedPriority.ROUTINE, MORNING)
FLAGGED = flagged_with(ROUTINE, 0.7)
UNFLAGGED = replace(FLAGGED, outcome=TriageOutcome.NOT_FLAGGED, counted=counted(0.1, flagged=False))


@pytest.mark.parametrize(
    ("standing", "code", "sentence"),
    [
        (ROUTINE, "waiting", "Waiting for analysis"),
        (replace(ROUTINE, ai_status=AiStatus.RUNNING), "running", "Analysis running"),
        (FLAGGED, "flagged", "Look sooner: possible recent vertebral fracture"),
        (UNFLAGGED, "no-flag", "No triage flag"),
        (
            replace(UNFLAGGED, flagged_before=True),
            "flag-withdrawn",
            "No triage flag: an earlier analysis flagged this, the newer one does not",
        ),
        (
            replace(FLAGGED, outcome=TriageOutcome.NOT_FLAGGED),
            "flagged-earlier",
            "Look sooner: possible recent vertebral fracture "
            "(an earlier analysis; the newer one does not flag it)",
        ),
        (
            replace(ROUTINE, ai_status=AiStatus.NOT_ANALYSED, ai_sentence="no model for CT"),
            "not-analysed",
            "Not analysed: no model for CT",
        ),
        (
            replace(ROUTINE, outcome=TriageOutcome.ABSTAINED, ai_sentence="no lateral view"),
            "abstained",
            "Not analysed: no lateral view",
        ),
        (
            replace(ROUTINE, counted=counted(0.7), flagged_before=True),
            "flagged-earlier",
            "Look sooner: possible recent vertebral fracture (an earlier analysis)",
        ),
        (replace(ROUTINE, requested=RequestedPriority.STAT), "ordered-stat", "Ordered STAT"),
        (
            replace(FLAGGED, requested=RequestedPriority.STAT),
            "ordered-stat",
            "Ordered STAT. Look sooner: possible recent vertebral fracture",
        ),
        (
            replace(ROUTINE, requested=RequestedPriority.STAT, stat_rule="ED_CR"),
            "stat-by-rule",
            "Ordered STAT (rule for sender ED_CR)",
        ),
        (
            replace(ROUTINE, requested=RequestedPriority.HIGH),
            "waiting",
            "Ordered urgent. Waiting for analysis",
        ),
        (replace(FLAGGED, pin=Pin("Dr Ito")), "pinned", "Pinned by Dr Ito"),
        (replace(ROUTINE, read_before=True), "new-images", "New images after reading"),
    ],
)
def test_every_position_has_its_reason_and_its_sentence(standing: Standing, code: str, sentence: str) -> None:
    position = priority.position(standing, POLICY)
    assert (position.reason_code, position.sentence) == (code, sentence)


def test_a_pin_goes_before_stat_and_stat_before_the_rest() -> None:
    pinned = priority.position(replace(ROUTINE, pin=Pin("Dr Ito")), POLICY)
    stat = priority.position(replace(ROUTINE, requested=RequestedPriority.STAT), POLICY)
    assert [pinned.tier, stat.tier] == [Tier.PINNED, Tier.STAT]
    assert priority.position(FLAGGED, POLICY).tier is Tier.REST
