"""The state table: complete, and the same as pynetdicom's and the standard's in the acceptor's states."""

from __future__ import annotations

import itertools

import pytest
from pynetdicom.fsm import TRANSITION_TABLE

from triage.arrival.state import TABLE, Action, Event, State


def test_every_state_has_an_entry_for_every_event() -> None:
    assert set(TABLE) == set(itertools.product(State, Event))


# Primitives of a requestor, which this side never is.
ASKING = {("Evt1", "Sta1"), ("Evt11", "Sta6")}


@pytest.mark.parametrize(
    ("event", "state"),
    [pair for pair in TRANSITION_TABLE if hasattr(State, pair[1].upper()) and pair not in ASKING],
)
def test_each_transition_is_that_of_ps3_8(event: str, state: str) -> None:
    action, _ = TABLE[State[state.upper()], Event[event.upper()]]
    assert action.name == TRANSITION_TABLE[event, state].replace("-", "")


def test_cells_the_standard_leaves_empty_end_the_connection() -> None:
    for state, event in itertools.product(State, Event):
        if (event.name.capitalize(), state.name.capitalize()) not in TRANSITION_TABLE:
            action, following = TABLE[state, event]
            assert (action, following) == (Action.FAULT, State.STA1)


def test_nothing_but_a_new_connection_leaves_the_idle_state() -> None:
    assert [event for event in Event if TABLE[State.STA1, event][1] is not State.STA1] == [Event.EVT5]
