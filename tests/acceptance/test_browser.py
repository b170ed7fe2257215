"""The page in a real browser on a real database: what a reader does all day, and what must never happen."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, Route
from sqlalchemy import Engine

from tests import worklist_cast as cast
from tests.web_browser import Seat
from tests.web_site import Served
from triage.domain.worklist import WorklistState
from triage.store import worklist

pytestmark = pytest.mark.timeout(300)


def _seat(browser: Browser, site: Served, name: str = "Dr A") -> Seat:
    seat = Seat(browser, site.address)
    seat.sit_down(name)
    seat.live()
    return seat


def test_a_study_that_arrives_appears_by_itself(engine: Engine, browser: Browser, site: Served) -> None:
    seat = _seat(browser, site)
    assert "Nothing waiting." in seat.page.inner_text("main")
    study_id = cast.image_arrives(engine, "first", requested="STAT")
    seat.await_order([study_id])
    assert "Ordered STAT" in seat.page.inner_text(f"#s{study_id}")


def test_two_readers_see_each_others_claims_and_a_conflict_says_who_was_first(
    browser: Browser, site: Served, studies: list[int]
) -> None:
    first, watching = _seat(browser, site, "Dr A"), _seat(browser, site, "Dr C")
    second = Seat(browser, site.address, deaf=True)
    second.sit_down("Dr B")
    first.page.click(f"#s{studies[0]} >> text=Claim")
    first.page.wait_for_selector(f"#s{studies[0]} >> text=You")
    watching.page.wait_for_selector(f"#s{studies[0]} >> text=Dr A")
    second.page.click(f"#s{studies[0]} >> text=Claim")
    message = second.page.wait_for_selector("#message.trouble")
    assert message is not None
    assert re.search(r"Nothing changed: Taken by Dr A at \d\d:\d\d\.", message.inner_text())
    assert "Dr A" in second.page.inner_text(f"#s{studies[0]} .claim")
    assert second.barriers() == []


def test_a_reader_works_through_the_list_with_the_keyboard_alone(
    engine: Engine, browser: Browser, site: Served, studies: list[int]
) -> None:
    seat = _seat(browser, site)
    keys = seat.page.keyboard
    keys.press("n")
    seat.page.wait_for_selector("#drawer")
    assert seat.page.url.endswith(f"/?tab=unread&study={studies[0]}")
    keys.press("g")
    keys.press("r")
    seat.await_order(studies[1:])
    # Not the undo of the claim, which may still stand there.
    seat.page.wait_for_selector('#message form[action$="/reopen"]')
    assert worklist.row(engine, studies[0]).state is WorklistState.COMPLETED
    keys.press("z")
    seat.await_order(studies)
    keys.press("Escape")
    seat.page.wait_for_selector("#drawer", state="detached")
    keys.press("j")
    keys.press("c")
    seat.page.wait_for_selector("#rows >> text=You")
    keys.press("c")
    seat.page.wait_for_selector("#rows >> text=You", state="detached")
    assert {worklist.row(engine, study_id).state for study_id in studies} == {WorklistState.SCHEDULED}
    assert seat.complaints == []


def test_a_refresh_on_its_way_does_not_close_what_the_reader_just_opened(
    engine: Engine, browser: Browser, site: Served, studies: list[int]
) -> None:
    seat = _seat(browser, site)
    held: list[Route] = []
    released: list[bool] = []
    seat.page.route("**/list?*", lambda route: route.continue_() if released else held.append(route))
    cast.answer(engine, studies[4], cast.flagged())
    while not held:
        seat.page.wait_for_timeout(50)
    seat.page.click(f"#o{studies[2]}")
    seat.page.wait_for_selector("#drawer")
    released.append(True)
    with seat.page.expect_response(
        lambda answer: f"study={studies[2]}" in answer.url and "/list" in answer.url
    ):
        for route in held:
            route.continue_()
    seat.page.wait_for_selector("#pending >> text=1 moved above you")
    assert seat.page.is_visible("#drawer")
    assert seat.order() == studies, "while a study is open, no row moves"
    seat.page.keyboard.press(".")
    seat.await_order([studies[4], *studies[:4]])
    assert seat.page.is_visible("#drawer")


def test_the_single_key_shortcuts_can_be_switched_off(
    engine: Engine, browser: Browser, site: Served, studies: list[int]
) -> None:
    seat = _seat(browser, site)
    seat.page.uncheck("#keys-on")
    seat.page.keyboard.press("n")
    seat.page.reload()
    seat.live()
    assert not seat.page.is_checked("#keys-on"), "the choice is remembered"
    seat.page.keyboard.press("n")
    assert worklist.row(engine, studies[0]).claimed_by == ""


def test_the_page_works_without_scripts(
    engine: Engine, browser: Browser, site: Served, studies: list[int]
) -> None:
    seat = Seat(browser, site.address, scripts=False)
    seat.sit_down("Dr A")
    seat.page.click("text=Next study")
    seat.page.wait_for_selector("#drawer")
    seat.page.fill("#note", "surgeon waiting")
    seat.page.click("text=Pin first")
    assert "Pinned by Dr A: surgeon waiting" in seat.page.inner_text(f"#s{studies[0]}")
    seat.page.click(f"#s{studies[0]} >> text=Release")
    assert worklist.row(engine, studies[0]).state is WorklistState.SCHEDULED


def test_a_lost_connection_is_plainly_visible(browser: Browser, site: Served, studies: list[int]) -> None:
    seat = _seat(browser, site)
    assert not seat.page.is_visible("#lost")
    site.stop.set()
    lost = seat.page.wait_for_selector("#lost:not([hidden])")
    assert lost is not None and "The order may be out of date." in lost.inner_text()
    assert "Stale since" in seat.page.inner_text("#live")
    assert seat.order() == studies, "the list stays readable"


def test_no_address_that_the_browser_ever_asks_for_names_a_patient(
    engine: Engine, browser: Browser, site: Served, studies: list[int]
) -> None:
    seat = _seat(browser, site)
    uid = worklist.row(engine, studies[0]).study_instance_uid
    seat.page.keyboard.press("n")
    seat.page.wait_for_selector("#drawer")
    seat.page.click("#tab-mine")
    seat.page.wait_for_selector("#tab-mine[aria-current]")
    assert "SENTINEL" in seat.page.inner_text("#rows")
    assert len(seat.addresses) > 6
    for address in seat.addresses:
        assert address.startswith(site.address), "nothing is fetched from elsewhere"
        assert "SENTINEL" not in address and uid not in address and "token" not in address
    stored = seat.page.evaluate("JSON.stringify({...localStorage}) + JSON.stringify({...sessionStorage})")
    assert "SENTINEL" not in stored, "the browser keeps no copy of the list"
    assert seat.complaints == []
