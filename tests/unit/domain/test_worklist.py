"""States of the reading worklist, and what may be done in each."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triage.domain.errors import Conflict
from triage.domain.worklist import (
    HOLDERS_ACTS,
    TRANSITIONS,
    Hold,
    WorklistEvent,
    WorklistState,
    claim_end,
    decide,
)

NOW = datetime(2026, 11, 21, 10, 42, tzinfo=UTC)
HELD_BY_B = Hold(WorklistState.IN_PROGRESS, 3, "Dr B", NOW, NOW + timedelta(minutes=20))
READ_BY_B = Hold(WorklistState.COMPLETED, 4, completed_by="Dr B", completed_at=NOW)
FREE = Hold(WorklistState.SCHEDULED, 1)


def test_the_states_are_the_standards_procedure_step_states() -> None:
    assert {str(state) for state in WorklistState} == {"SCHEDULED", "IN PROGRESS", "COMPLETED", "CANCELED"}


def test_every_state_has_an_entry_for_every_event() -> None:
    assert set(TRANSITIONS) == {(state, event) for state in WorklistState for event in WorklistEvent}


def test_no_study_can_be_lost_in_a_state_without_a_way_back_to_the_list() -> None:
    for state in WorklistState:
        ways = {TRANSITIONS[(state, event)] for event in WorklistEvent}
        assert WorklistState.SCHEDULED in ways, f"{state} has no way back"


def test_a_late_image_is_possible_in_every_state_and_never_ends_a_claim() -> None:
    after = {state: TRANSITIONS[(state, WorklistEvent.NEW_IMAGES)] for state in WorklistState}
    assert None not in after.values()
    assert after[WorklistState.IN_PROGRESS] is WorklistState.IN_PROGRESS
    assert after[WorklistState.COMPLETED] is WorklistState.SCHEDULED


def test_a_claim_on_a_claimed_study_says_who_and_when() -> None:
    with pytest.raises(Conflict) as refused:
        decide(HELD_BY_B, WorklistEvent.CLAIM, "Dr A", version=1)
    assert refused.value.sentence == "taken by Dr B at 10:42"


def test_a_claim_on_a_read_study_says_who_read_it() -> None:
    with pytest.raises(Conflict) as refused:
        decide(READ_BY_B, WorklistEvent.CLAIM, "Dr A")
    assert refused.value.sentence == "completed by Dr B at 10:42"


@pytest.mark.parametrize("event", sorted(HOLDERS_ACTS))
def test_only_the_holder_may_end_a_claim(event: WorklistEvent) -> None:
    with pytest.raises(Conflict, match="taken by Dr B"):
        decide(HELD_BY_B, event, "Dr A")
    assert decide(HELD_BY_B, event, "Dr B", version=3)
    assert decide(HELD_BY_B, event, "admin", override=True)


def test_an_old_version_is_refused() -> None:
    with pytest.raises(Conflict, match="changed meanwhile"):
        decide(FREE, WorklistEvent.PIN, "Dr A", version=0)


@given(
    st.sampled_from(list(WorklistState)),
    st.sampled_from(list(WorklistEvent)),
    st.integers(1, 5),
    st.none() | st.integers(1, 5),
    st.booleans(),
)
def test_whatever_is_asked_the_answer_is_the_table_or_a_conflict(
    state: WorklistState, event: WorklistEvent, version: int, seen: int | None, override: bool
) -> None:
    hold = Hold(state, version, "Dr B", NOW, NOW, "Dr C", NOW)
    try:
        after = decide(hold, event, "Dr A", version=seen, override=override)
    except Conflict as refused:
        assert refused.sentence
    else:
        assert after is TRANSITIONS[(state, event)]
        assert seen in (None, version)


def test_a_claim_lapses_when_its_time_is_over_and_not_before() -> None:
    until = claim_end(NOW, 20)
    hold = Hold(WorklistState.IN_PROGRESS, 1, "Dr B", NOW, until)
    assert not hold.lapsed(until - timedelta(seconds=1))
    assert hold.lapsed(until)
    assert not FREE.lapsed(until)
