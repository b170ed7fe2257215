"""Live changes in a real browser: what changes in place, what waits, and what brings it in."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import Engine

from tests import worklist_cast as cast
from tests.web_browser import Seat
from triage.store import worklist

pytestmark = pytest.mark.timeout(300)
Sit = Callable[..., Seat]


def test_a_result_never_moves_a_row_while_one_is_focused_and_comes_in_when_asked(
    engine: Engine, sit: Sit, studies: list[int]
) -> None:
    seat = sit()
    assert seat.order() == studies
    for _ in range(2):
        seat.page.keyboard.press("j")
    seat.await_focus(f"s{studies[1]}")
    cast.answer(engine, studies[4], cast.flagged())
    seat.page.wait_for_selector("#pending >> text=1 moved above you")
    assert seat.order() == studies, "no row moves under the reader's eyes"
    row = seat.page.inner_text(f"#s{studies[4]}")
    assert "▲ Sooner" in row and "Look sooner: possible recent vertebral fracture" in row, "cells do change"
    assert "1 moved above you" in seat.page.text_content("#announce")  # type: ignore[operator]  # it is there
    seat.page.keyboard.press(".")
    seat.await_order([studies[4], *studies[:4]])
    seat.await_focus(f"s{studies[1]}")  # the focus stays with its study
    assert not seat.page.is_visible("#pending")
    assert seat.complaints == []


def test_an_idle_list_takes_changes_at_once(engine: Engine, sit: Sit, studies: list[int]) -> None:
    seat = sit()
    cast.answer(engine, studies[4], cast.flagged())
    seat.await_order([studies[4], *studies[:4]])
    assert not seat.page.is_visible("#pending")
    seat.page.wait_for_function("() => document.title === '(1) Spine triage'")


def test_new_studies_wait_with_their_bands_named_until_the_reader_lets_go(
    engine: Engine, sit: Sit, studies: list[int]
) -> None:
    seat = sit()
    seat.page.keyboard.press("j")
    seat.await_focus(f"s{studies[0]}")
    stat = cast.image_arrives(engine, "stat", requested="STAT")
    seat.page.wait_for_selector("#pending >> text=1 new (1 Stat)")
    plain = cast.image_arrives(engine, "plain")
    seat.page.wait_for_selector("#pending >> text=2 new (1 Stat)")
    assert seat.order() == studies
    seat.page.keyboard.press("Escape")
    seat.await_order([stat, *studies, plain])
    assert not seat.page.is_visible("#pending"), "an idle list needs no key"


def test_a_row_that_leaves_stays_as_a_shadow_until_the_reader_moves_on(
    engine: Engine, sit: Sit, studies: list[int]
) -> None:
    seat = sit()
    for _ in range(2):
        seat.page.keyboard.press("j")
    seat.await_focus(f"s{studies[1]}")
    worklist.complete(engine, studies[1], "Dr B")
    seat.page.wait_for_selector("#pending >> text=1 left this list")
    assert seat.order() == studies
    assert "no longer on this list" in seat.page.inner_text(f"#s{studies[1]}")
    seat.page.keyboard.press(".")
    seat.await_order([studies[0], *studies[2:]])
    seat.await_focus(f"s{studies[2]}")  # the row that took its place is in hand


def test_what_the_reader_does_shows_at_once_and_brings_in_nothing_else(
    engine: Engine, sit: Sit, studies: list[int]
) -> None:
    seat = sit()
    for _ in range(3):
        seat.page.keyboard.press("j")
    seat.await_focus(f"s{studies[2]}")
    cast.answer(engine, studies[4], cast.flagged())
    seat.page.wait_for_selector("#pending >> text=1 moved above you")
    seat.page.keyboard.press("c")
    seat.page.wait_for_selector(f"#s{studies[2]} >> text=You")
    assert seat.order() == studies
    seat.page.keyboard.press("r")
    kept = [study_id for study_id in studies if study_id != studies[2]]
    seat.await_order(kept)
    seat.page.wait_for_selector('#message form[action$="/reopen"]')
    seat.page.keyboard.press("z")
    seat.await_order(studies)
    assert seat.complaints == []


def test_the_pointer_over_the_list_holds_it_for_two_seconds(
    engine: Engine, sit: Sit, studies: list[int]
) -> None:
    seat = sit()
    seat.page.hover(f"#s{studies[2]} .why")
    cast.answer(engine, studies[4], cast.flagged())
    for step in range(300):  # the hand stays on the mouse until the change has come, however slow the machine
        seat.page.mouse.move(400 + step % 2, 300)
        if seat.page.is_visible("#pending >> text=moved up"):
            break
        seat.page.wait_for_timeout(100)
    assert seat.page.is_visible("#pending >> text=moved up")
    assert seat.order() == studies
    seat.await_order([studies[4], *studies[:4]])


def test_what_a_reader_types_survives_every_change(engine: Engine, sit: Sit, studies: list[int]) -> None:
    seat = sit()
    seat.page.keyboard.press("j")
    seat.page.keyboard.press("p")
    seat.page.wait_for_function("() => document.activeElement.id === 'note'")
    seat.page.keyboard.type("surgeon wai")
    seat.page.click("#views > summary")
    for n in range(3):
        cast.image_arrives(engine, f"more{n}")
        seat.page.wait_for_selector(f"#pending >> text={n + 1} new")
    assert seat.page.input_value("#note") == "surgeon wai"
    assert seat.page.is_visible("#view-name"), "an open menu stays open"
    seat.page.keyboard.press("Escape")
    seat.page.focus("#note")
    seat.page.keyboard.press("End")
    seat.page.keyboard.type("ting")
    seat.page.keyboard.press("Enter")
    seat.page.wait_for_selector(f"#s{studies[0]} >> text=Pinned by Dr A: surgeon waiting")
    assert seat.complaints == []
