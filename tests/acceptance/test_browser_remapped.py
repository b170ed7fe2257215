"""Other keys for the acts, chosen and used with the keyboard alone in a real browser."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import Engine

from tests import worklist_cast as cast
from tests.web_browser import Seat
from triage.domain.worklist import WorklistState
from triage.store import reader_side, worklist

pytestmark = pytest.mark.timeout(300)
Sit = Callable[..., Seat]


def field(seat: Seat, usual: str) -> None:
    """Go by Tab to the field of an act in the open help."""
    for _ in range(60):
        seat.page.keyboard.press("Tab")
        found = seat.page.evaluate("document.activeElement.previousElementSibling?.value ?? ''")
        if found == usual and seat.page.evaluate("document.activeElement.name") == "chosen":
            return
    raise AssertionError(f"no field of {usual} is reached by Tab")


def remap(seat: Seat, usual: str, key: str) -> None:
    """Give one act another key and send the form, by keyboard."""
    seat.page.keyboard.press("?")
    seat.page.wait_for_selector("#help[open]")
    seat.page.focus("#remap > summary")
    seat.page.keyboard.press("Enter")
    field(seat, usual)
    seat.page.keyboard.press("Control+a")
    seat.page.keyboard.type(key)
    with seat.page.expect_navigation():
        seat.page.keyboard.press("Enter")
    seat.live()


def test_a_study_is_read_with_remapped_keys_and_the_help_shows_them(
    engine: Engine, sit: Sit, studies: list[int]
) -> None:
    seat, colleague = sit(), sit("Dr B")
    remap(seat, "n", "w")
    assert dict(reader_side.of_reader(engine, "Dr A").keymap.changed) == {"n": "w"}
    assert seat.page.inner_text("#next kbd") == "w"
    seat.page.keyboard.press("?")
    seat.page.wait_for_selector("#help dt >> text=w")
    assert seat.barriers() == []
    seat.page.keyboard.press("Escape")
    seat.page.keyboard.press("n")
    seat.page.keyboard.press("w")
    seat.page.wait_for_selector(f"#drawer[data-study='{studies[0]}']")
    seat.page.keyboard.press("r")
    seat.page.wait_for_selector(f"#s{studies[0]}", state="detached")
    assert worklist.row(engine, studies[0]).state is WorklistState.COMPLETED
    assert worklist.row(engine, studies[1]).state is WorklistState.SCHEDULED, "the old key does nothing"
    assert colleague.page.inner_text("#next kbd") == "n", "another reader's keys are their own"
    assert seat.complaints == colleague.complaints == []


def test_keys_changed_at_another_desk_do_here_what_their_hints_say(
    engine: Engine, sit: Sit, studies: list[int]
) -> None:
    seat, elsewhere = sit(), sit()
    remap(elsewhere, "n", "w")
    cast.image_arrives(engine, "refreshes the list")
    seat.page.wait_for_selector("#next kbd >> text=w")
    seat.page.keyboard.press("n")
    seat.page.keyboard.press("w")
    seat.page.wait_for_selector(f"#drawer[data-study='{studies[0]}']")
    assert worklist.row(engine, studies[1]).state is WorklistState.SCHEDULED, "the old key does nothing"
    assert seat.complaints == elsewhere.complaints == []


def test_two_acts_on_one_key_are_refused_in_words_and_nothing_changes(
    engine: Engine, sit: Sit, studies: list[int]
) -> None:
    seat = sit()
    remap(seat, "c", "r")
    said = seat.page.inner_text("#message")
    assert "The key r is asked for twice, by “Claim, or release” and by “Mark as read”." in said
    assert dict(reader_side.of_reader(engine, "Dr A").keymap.changed) == {}
    seat.page.keyboard.press("g")
    seat.await_focus(f"s{studies[0]}")
    seat.page.keyboard.press("c")
    seat.page.wait_for_selector(f"#s{studies[0]} >> text=Release")
    remap(seat, ".", "b")
    seat.page.keyboard.press("g")
    cast.image_arrives(engine, "late")
    seat.page.wait_for_selector("#bring-in >> text=Bring in ( b )")
    seat.page.keyboard.press("b")
    seat.page.wait_for_selector("#pending", state="hidden")
    seat.page.keyboard.press("?")
    seat.page.focus("#remap > summary")
    seat.page.keyboard.press("Enter")
    with seat.page.expect_navigation():
        seat.page.click("#remap >> text=Back to the usual keys")
    assert dict(reader_side.of_reader(engine, "Dr A").keymap.changed) == {}
    assert seat.complaints == []
