"""Every state of the page, in both themes, looked at by axe-core; TRIAGE_TEST_PICTURES keeps the pictures."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Route
from sqlalchemy import Engine

from tests import web_night as cast
from tests import worklist_cast
from tests.web_album import THEMES, Album, Theme
from tests.web_browser import Seat
from tests.web_site import Served
from triage.store import marks, worklist

pytestmark = pytest.mark.timeout(600)
Sit = Callable[..., Seat]


@pytest.fixture(params=THEMES)
def theme(request: pytest.FixtureRequest) -> Iterator[Theme]:
    """Both themes, as the reader's system asks for them."""
    yield request.param


@pytest.fixture
def album(tmp_path: Path, theme: Theme) -> Album:
    """Where the pictures go."""
    return Album(tmp_path, theme)


def test_the_list_before_anybody_reads(
    engine: Engine, browser: Browser, site: Served, sit: Sit, theme: Theme, album: Album
) -> None:
    stranger = Seat(browser, site.address, theme=theme)
    stranger.live()
    album.look(stranger, "stranger")
    seat = sit(theme=theme)
    album.look(seat, "empty")
    seat.page.click("#tab-read")
    seat.page.wait_for_selector("#tab-read[aria-current]")
    album.look(seat, "empty-tab")
    assert stranger.complaints == seat.complaints == []


def test_the_list_of_a_night_with_its_menus(engine: Engine, sit: Sit, theme: Theme, album: Album) -> None:
    ids = cast.night(engine)
    cast.judged(engine, ids)
    seat = sit(theme=theme, width=1920)
    album.look(seat, "list")
    for menu in ("views", "columns", "look"):
        seat.page.click(f"#{menu} > summary")
        album.look(seat, f"menu-{menu}")
        seat.page.click(f"#{menu} > summary")
    seat.page.fill("#text", "nobody of that name")
    seat.page.wait_for_selector(".empty >> text=studies match")
    album.look(seat, "no-match")
    seat.page.click(".empty >> text=Show them all")
    seat.page.wait_for_selector("#rows")
    seat.live()
    seat.page.keyboard.press("Control+k")
    seat.page.keyboard.type("note")
    album.look(seat, "palette")
    seat.page.keyboard.press("Escape")
    seat.page.wait_for_selector("#palette", state="hidden")
    seat.page.keyboard.press("?")
    seat.page.wait_for_selector("#help[open]")
    album.look(seat, "help")
    assert seat.complaints == []


def test_a_study_with_its_details_in_every_state(
    engine: Engine, sit: Sit, theme: Theme, album: Album
) -> None:
    ids = cast.night(engine)
    cast.judged(engine, ids)
    cast.key_image(engine, ids[3])
    seat = sit(theme=theme)
    seat.page.click(f"#o{ids[3]}")
    seat.page.wait_for_selector("#drawer")
    seat.page.keyboard.press("v")
    seat.page.wait_for_function("() => document.querySelector('#key-image img').naturalWidth === 192")
    seat.page.keyboard.press("2")
    seat.page.wait_for_selector("#drawer .chip >> text=artefact")
    marks.write(engine, ids[3], "Dr Ito", "Seen at the trauma board:\nplease compare with the outside film.")
    marks.set_label(engine, ids[3], "discuss", "Dr Ito")
    seat.page.wait_for_selector(f"#s{ids[3]} >> text=discuss")
    album.look(seat, "details")
    seat.page.locator("#noting").scroll_into_view_if_needed()
    album.look(seat, "notes")
    worklist_cast.image_arrives(engine, "stat", requested="STAT", patient_name="NEW^PATIENT")
    seat.page.wait_for_selector("#pending >> text=1 new (1 Stat)")
    album.look(seat, "pending")
    worklist.complete(engine, ids[0], "Dr Ito")
    seat.page.wait_for_selector("tr.left")
    album.look(seat, "left")
    for study_id in ids:
        seat.page.click(f"#o{study_id}")
        seat.page.wait_for_selector(f"#drawer[data-study='{study_id}']")
        assert seat.barriers() == [], study_id
    for tab in ("read", "not-analysed", "all"):
        seat.page.click(f"#tab-{tab}")
        seat.page.wait_for_selector(f"#tab-{tab}[aria-current]")
        assert seat.barriers() == [], tab
    assert seat.complaints == []


def test_a_refusal_hidden_names_and_small_screens(
    engine: Engine, browser: Browser, site: Served, sit: Sit, theme: Theme, album: Album
) -> None:
    ids = cast.night(engine)
    late = Seat(browser, site.address, deaf=True, theme=theme)
    late.sit_down("Dr B")
    worklist.claim(engine, ids[3], "Dr A")
    late.page.click(f"#s{ids[3]} >> text=Claim")
    late.page.wait_for_selector("#message.trouble")
    album.look(late, "conflict")
    seat = sit(theme=theme, width=1280)
    seat.page.click(f"#o{ids[3]}")
    seat.page.wait_for_selector("#drawer")
    seat.page.keyboard.press("K")
    seat.page.wait_for_selector("#rows >> text=name hidden >> nth=0")
    album.look(seat, "hidden-1280")
    narrow = Seat(browser, site.address, width=360, theme=theme)
    narrow.live()
    album.look(narrow, "narrow")
    assert narrow.page.evaluate("document.documentElement.scrollWidth <= 360"), "no sideways scrolling"
    assert seat.complaints == narrow.complaints == []


def test_a_list_on_its_way_and_one_that_does_not_come(
    engine: Engine, sit: Sit, studies: list[int], theme: Theme, album: Album
) -> None:
    seat = sit(theme=theme)
    held: list[Route] = []
    let_go: list[bool] = []
    seat.page.route("**/?tab=all", lambda route: route.continue_() if let_go else held.append(route))
    seat.page.click("#tab-all")
    seat.page.wait_for_selector(".skeleton")
    assert not seat.page.is_visible("#rows"), "the old rows do not pass for the new ones"
    album.look(seat, "loading")
    seat.page.wait_for_selector("#slow >> text=Still loading…")
    album.look(seat, "still-loading")
    seat.page.wait_for_selector("#slow >> text=The list does not answer.")
    album.look(seat, "no-answer")
    let_go.append(True)
    seat.page.click("#retry")
    seat.await_order(studies[::-1])
    assert not seat.page.is_visible("#slow") and not seat.page.is_visible(".skeleton")
    assert len(held) == 1
    assert all(said.startswith(("htmx:afterRequest", "htmx:sendAbort")) for said in seat.complaints), (
        "given up"
    )


def test_a_list_that_fails_gives_the_old_one_back_with_a_way_to_ask_again(
    sit: Sit, studies: list[int]
) -> None:
    seat = sit()
    broken = [500, 500]
    seat.page.route(
        "**/?tab=all", lambda route: route.fulfill(status=broken.pop()) if broken else route.continue_()
    )
    for _ in range(2):
        seat.page.click("#retry" if len(broken) < 2 else "#tab-all")
        seat.page.wait_for_selector("#slow.card >> text=The list does not answer.")
        seat.await_order(studies)
    seat.page.click("#retry")
    seat.page.wait_for_selector("#tab-all[aria-current]")
