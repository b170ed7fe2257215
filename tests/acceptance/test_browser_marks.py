"""Notes, labels and the palette with the keyboard alone, in a real browser."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Route
from sqlalchemy import Engine

from tests import worklist_cast as cast
from tests.web_browser import Seat
from tests.web_site import Served
from triage.domain.worklist import WorklistState
from triage.store import marks, worklist

pytestmark = pytest.mark.timeout(300)
Sit = Callable[..., Seat]


def test_a_note_is_written_seen_by_a_colleague_and_taken_back(
    engine: Engine, sit: Sit, site: Served, studies: list[int]
) -> None:
    seat, colleague = sit(), sit("Dr B")
    seat.page.keyboard.press("j")
    seat.page.keyboard.press("m")
    seat.await_focus("note-text")
    seat.page.keyboard.type("SENTINEL-NOTE first line\nsecond line")
    cast.image_arrives(engine, "meanwhile")
    seat.page.wait_for_selector("#pending >> text=1 new")
    assert seat.page.input_value("#note-text") == "SENTINEL-NOTE first line\nsecond line", (
        "a change leaves it"
    )
    seat.page.keyboard.press("Control+Enter")
    seat.page.wait_for_selector(".written >> text=second line")
    assert seat.page.input_value("#note-text") == ""
    assert seat.order() == studies, "a note moves nothing"
    colleague.page.wait_for_selector(f"#s{studies[0]} >> text=1 note")
    colleague.page.click(f"#o{studies[0]}")
    colleague.page.wait_for_selector(".written >> text=SENTINEL-NOTE")
    seat.page.click("#message >> text=Undo")
    colleague.page.wait_for_selector(".written", state="detached")
    assert not [address for address in seat.addresses + colleague.addresses if "SENTINEL" in address]
    assert seat.complaints == colleague.complaints == []


def test_what_is_typed_while_a_note_is_on_its_way_stays(sit: Sit, studies: list[int]) -> None:
    seat = sit()
    held: list[Route] = []
    seat.page.route("**/notes", lambda route: held.append(route))
    seat.page.click(f"#o{studies[0]}")
    seat.page.fill("#note-text", "the first")
    seat.page.keyboard.press("Control+Enter")
    seat.page.wait_for_selector("#noting.htmx-request")
    seat.page.keyboard.type(" and the next")
    held[0].continue_()
    seat.page.wait_for_selector(".written >> text=the first")
    seat.page.wait_for_selector("#noting:not(.htmx-request)")
    assert seat.page.input_value("#note-text") == "the first and the next"
    assert seat.complaints == []


def test_a_label_is_set_and_taken_off_with_the_keyboard(engine: Engine, sit: Sit, studies: list[int]) -> None:
    seat = sit()
    seat.page.keyboard.press("j")
    seat.page.keyboard.press("l")
    seat.await_focus("first-label")
    seat.page.keyboard.press("Tab")
    seat.page.keyboard.press("Enter")
    seat.page.wait_for_selector(f"#s{studies[0]} .label.cool >> text=discuss")
    assert worklist.row(engine, studies[0]).labels == ("discuss",)
    marks.clear_label(engine, studies[0], "discuss", "Dr B")
    seat.page.wait_for_selector(f"#s{studies[0]} .label", state="detached")
    assert seat.complaints == []


def test_the_palette_does_what_a_key_does_and_opens_lists(
    engine: Engine, sit: Sit, studies: list[int]
) -> None:
    seat = sit()
    keys = seat.page.keyboard
    keys.press("j")
    keys.press("j")
    seat.await_focus(f"s{studies[1]}")
    keys.press("Control+k")
    keys.type("claim, or")
    keys.press("Enter")
    seat.page.wait_for_selector(f"#s{studies[1]} >> text=You")
    assert worklist.row(engine, studies[1]).state is WorklistState.IN_PROGRESS
    keys.press("Control+k")
    keys.type("list: mine")
    keys.press("Enter")
    seat.page.wait_for_selector("#tab-mine[aria-current]")
    seat.await_order([studies[1]])
    keys.press("Control+k")
    keys.type("no such thing")
    seat.page.wait_for_selector("#palette >> text=Nothing goes by that name.")
    keys.press("Escape")
    seat.page.wait_for_selector("#palette", state="hidden")
    seat.page.uncheck("#keys-on")
    keys.press("Control+k")
    seat.page.wait_for_selector("#palette[open]")
    assert seat.complaints == []
