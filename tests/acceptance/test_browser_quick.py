"""A reader quicker than the server: keys and answers that cross, in a real browser."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import APIResponse, Route
from sqlalchemy import Engine

from tests import worklist_cast as cast
from tests.web_browser import Seat
from triage.domain.worklist import WorklistState
from triage.store import opinions, reader_side, worklist

pytestmark = pytest.mark.timeout(300)
Sit = Callable[..., Seat]
WATCH = """() => {
    window.settled = 0;
    document.body.addEventListener("htmx:afterSettle", () => { window.settled += 1; });
}"""


def await_held(seat: Seat, held: list[Any]) -> None:
    """Wait until a request is held back."""
    for _ in range(600):
        if held:
            return
        seat.page.wait_for_timeout(50)
    raise AssertionError("nothing was asked")


def test_a_key_between_two_answers_that_cross_never_loads_the_page_anew(
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
    held: list[tuple[Route, APIResponse]] = []
    seat.page.route("**/complete", lambda route: held.append((route, route.fetch())))
    seat.page.evaluate("htmx.config.defaultSettleDelay = 1500")  # as long as on a very slow machine
    seat.page.keyboard.press("r")
    await_held(seat, held)
    seat.page.wait_for_selector("tr.left")  # the live change overtook the answer
    seat.page.evaluate(WATCH)
    route, answer = held[0]
    route.fulfill(response=answer)
    seat.page.wait_for_selector('#message form[action$="/reopen"]')
    seat.page.wait_for_function("() => window.settled > 0")
    seat.page.keyboard.press("z")
    seat.await_order(studies)
    assert seat.page.evaluate("typeof window.settled") == "number", "the page was not loaded anew"
    assert worklist.row(engine, studies[2]).state is WorklistState.SCHEDULED
    assert seat.complaints == []


def test_a_click_before_the_list_has_settled_is_an_act_in_place(
    engine: Engine, sit: Sit, studies: list[int]
) -> None:
    seat = sit()
    seat.page.evaluate("htmx.config.defaultSettleDelay = 20000")
    seat.page.evaluate(WATCH)
    seat.page.click(f"#o{studies[1]}")
    seat.page.click("#drawer >> text=Skip 15 min")
    seat.page.click("#message >> text=Undo")
    seat.page.wait_for_selector("#drawer >> text=Skip 15 min")
    assert seat.page.evaluate("typeof window.settled") == "number", "the page was not loaded anew"


def test_acts_on_one_row_after_the_other_are_all_done_however_slow_the_server(
    engine: Engine, sit: Sit, studies: list[int]
) -> None:
    seat = sit()
    held: list[Route] = []
    let_go: list[bool] = []
    seat.page.route("**/claim", lambda route: route.continue_() if let_go else held.append(route))
    for key in "jcjcjcj":
        seat.page.keyboard.press(key)
    seat.await_focus(f"s{studies[3]}")  # going through the list waits for nobody
    await_held(seat, held)
    let_go.append(True)
    held[0].continue_()
    for study_id in studies[:3]:
        seat.page.wait_for_selector(f"#s{study_id} >> text=You")
    assert [worklist.row(engine, study_id).claimed_by for study_id in studies] == ["Dr A"] * 3 + [""] * 2
    assert seat.focused() == f"s{studies[3]}"
    assert seat.complaints == []


def test_an_opinion_is_about_the_study_in_hand_when_its_key_went_down(
    engine: Engine, sit: Sit, studies: list[int]
) -> None:
    for study_id in studies[:2]:
        cast.answer(engine, study_id, cast.flagged())
    seat = sit()
    seat.page.keyboard.press("g")
    seat.await_focus(f"s{studies[0]}")
    seat.page.keyboard.press("1")
    seat.page.keyboard.press("j")
    seat.page.wait_for_selector(f"#drawer[data-study='{studies[0]}'] >> text=readers agreed with 1 of 1")
    assert [len(opinions.of_study(engine, study_id)) for study_id in studies[:2]] == [1, 0]


def test_an_act_left_over_from_a_row_that_is_gone_touches_no_other_study(
    engine: Engine, sit: Sit, studies: list[int]
) -> None:
    seat = sit()
    seat.page.keyboard.press("g")
    seat.page.keyboard.press("c")
    seat.page.wait_for_selector(f"#s{studies[0]} >> text=You")
    seat.page.click(f"#o{studies[1]}")
    seat.page.wait_for_selector(f"#drawer[data-study='{studies[1]}']")
    seat.page.focus(f"#s{studies[0]}")
    held: list[Route] = []
    seat.page.route("**/complete", lambda route: held.append(route))
    seat.page.keyboard.press("r")
    await_held(seat, held)
    seat.page.keyboard.press("s")
    held[0].continue_()
    seat.page.wait_for_selector(f"#s{studies[0]}", state="detached")
    seat.page.keyboard.press("G")
    seat.page.keyboard.press("c")
    seat.page.wait_for_selector(f"#s{studies[4]} >> text=You")
    assert reader_side.of_reader(engine, "Dr A").skipped == {}
    assert seat.complaints == []


def test_what_follows_write_a_note_in_the_palette_is_text_and_no_act(
    engine: Engine, sit: Sit, studies: list[int]
) -> None:
    seat = sit()
    seat.page.keyboard.press("g")
    held: list[Route] = []
    seat.page.route(re.compile(rf"/\?tab=.*study={studies[0]}$"), lambda route: held.append(route))
    seat.page.keyboard.press("Control+k")
    seat.page.keyboard.type("write a note")
    seat.page.keyboard.press("Enter")
    await_held(seat, held)
    seat.page.keyboard.type("crane")
    seat.page.keyboard.press("Backspace")
    seat.page.keyboard.press("Enter")
    held[0].continue_()
    seat.await_focus("note-text")
    assert seat.page.input_value("#note-text") == "cran"
    assert {worklist.row(engine, study_id).state for study_id in studies} == {WorklistState.SCHEDULED}
