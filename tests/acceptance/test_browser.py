"""The page in a real browser on a real database: what a reader does all day, and what must never happen."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Route
from sqlalchemy import Engine

from tests import worklist_cast as cast
from tests.web_browser import Seat
from tests.web_site import Served
from triage.domain.worklist import WorklistState
from triage.store import presence, worklist
from triage.store.engine import transaction

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
    seat.page.wait_for_selector("#message >> text=Undo")
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
    seat.page.route("**/list?*", lambda route: route.continue_() if held else held.append(route))
    cast.answer(engine, studies[4], cast.flagged())
    while not held:
        seat.page.wait_for_timeout(50)
    seat.page.click(f"#o{studies[2]}")
    seat.page.wait_for_selector("#drawer")
    with seat.page.expect_response(
        lambda answer: f"study={studies[2]}" in answer.url and "/list" in answer.url
    ):
        held[0].continue_()
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


def _night(engine: Engine) -> list[int]:
    """A night's list with every state that a row can be in."""
    names = ("SATO^HANA", "OKA^JUN", "MORI^KEN", "Müller^Jörg", "LIND^EVA", "ROY^ANIL", "DIAZ^LUZ", "KIM^SOO")
    ids = [
        cast.image_arrives(
            engine,
            f"night{n}",
            waited_minutes=95 - 11 * n,
            patient_name=name,
            requested={1: "STAT", 5: "HIGH"}.get(n, ""),
            description=("L-spine AP and lateral", "T/L-spine lateral", "C-spine 3 views")[n % 3],
        )
        for n, name in enumerate(names)
    ]
    for study_id, triage in (
        (ids[0], cast.not_flagged()),
        (ids[3], cast.flagged()),
        (ids[2], cast.abstained()),
    ):
        cast.analysed(engine, study_id, triage)
        cast.delivered(engine, study_id)
    for study_id in ids[4:7]:
        cast.closed(engine, study_id)
    presence.seen(engine, "worker-0", "worker")
    with transaction(engine) as connection:
        worklist.not_analysed(connection, ids[4], "not-a-radiograph", "no model for CT")
        worklist.analysis_started(connection, ids[6])
    worklist.pin(engine, ids[6], "Dr Ito", note="surgeon waiting")
    worklist.claim(engine, ids[2], "Dr Ito")
    return ids


def _picture(seat: Seat, name: str, tmp_path: Path) -> None:
    folder = Path(os.environ.get("TRIAGE_TEST_PICTURES", tmp_path))
    path = folder / f"{name}.png"
    seat.page.screenshot(path=path)
    assert path.stat().st_size > 10_000


def test_nothing_keeps_a_reader_out_in_any_state_of_the_page(
    engine: Engine, browser: Browser, site: Served, tmp_path: Path
) -> None:
    stranger = Seat(browser, site.address)
    stranger.live()
    assert stranger.barriers() == []
    ids = _night(engine)
    seat = _seat(browser, site)
    seat.page.wait_for_selector(f"#s{ids[3]}")
    assert seat.barriers() == []
    _picture(seat, "worklist", tmp_path)
    seat.page.click(f"#o{ids[3]}")
    seat.page.wait_for_selector("#drawer")
    seat.page.keyboard.press("c")
    seat.page.wait_for_selector("#message.notice")
    assert seat.barriers() == []
    _picture(seat, "worklist-details", tmp_path)
    for tab in ("read", "not-analysed"):
        seat.page.click(f"#tab-{tab}")
        seat.page.wait_for_selector(f"#tab-{tab}[aria-current]")
        assert seat.barriers() == [], tab
    narrow = Seat(browser, site.address, width=360)
    narrow.live()
    assert narrow.barriers() == []
    assert narrow.page.evaluate("document.documentElement.scrollWidth <= 360"), "no sideways scrolling"
    _picture(narrow, "worklist-narrow", tmp_path)
    assert seat.complaints == narrow.complaints == []
