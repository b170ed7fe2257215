"""Signing in in a real browser: the forced change, the lock in place, the roles' buttons, no barriers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser
from sqlalchemy import Engine

from tests import worklist_cast as cast
from tests.accounts_cast import ANOTHER, PASSWORD, idle_for, person
from tests.web_browser import Seat, chromium
from tests.web_site import Served, serving
from triage.domain.account import Role
from triage.store import worklist

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened


@pytest.fixture
def site(engine: Engine, tmp_path: Path) -> Iterator[Served]:
    url = engine.url.render_as_string(hide_password=False)
    with serving(tmp_path, url, web={"accounts": "local"}) as served:
        yield served


def sign_in(seat: Seat, name: str, password: str = PASSWORD) -> None:
    seat.page.fill("#name", name)
    seat.page.fill("#password", password)
    seat.page.click("main >> text=Sign in >> visible=true >> nth=-1")


def test_a_reader_signs_in_chooses_a_password_is_locked_and_comes_back_to_the_same_study(
    engine: Engine, browser: Browser, site: Served
) -> None:
    study_id = cast.image_arrives(engine, "one")
    cast.closed(engine, study_id)
    person(engine, must_change=True)
    seat = Seat(browser, site.address)
    assert seat.barriers() == []
    sign_in(seat, "Dr Ito", "wrong")
    seat.page.wait_for_selector("text=do not belong together")
    sign_in(seat, "Dr Ito")
    seat.page.wait_for_selector("text=Choose a password")
    assert seat.barriers() == []
    seat.page.fill("#old", PASSWORD)
    seat.page.fill("#new", ANOTHER)
    seat.page.click("text=Set it")
    seat.live()
    seat.page.keyboard.press("n")
    seat.page.wait_for_selector("#drawer")
    idle_for(engine, 20)
    cast.image_arrives(engine, "two")
    seat.page.wait_for_selector("text=Locked")
    assert "SENTINEL" not in seat.page.content() and seat.barriers() == []
    seat.page.fill("#password", ANOTHER)
    seat.page.click("text=Unlock")
    seat.page.wait_for_selector(f"#drawer[data-study='{study_id}']")
    assert worklist.row(engine, study_id).claimed_by == "Dr Ito"
    seat.page.click("text=Sign out")
    seat.page.wait_for_selector("#password")
    assert seat.complaints == []
    assert not any("quiet" in address or "Ito" in address for address in seat.addresses)


def test_a_viewer_sees_the_list_and_no_button_that_would_be_refused(
    engine: Engine, browser: Browser, site: Served
) -> None:
    study_id = cast.image_arrives(engine, "one")
    person(engine, "visitor", Role.VIEWER)
    seat = Seat(browser, site.address)
    sign_in(seat, "visitor")
    seat.live()
    assert seat.order() == [study_id]
    seat.page.click(f"#o{study_id}")
    seat.page.wait_for_selector("#drawer")
    words = seat.page.inner_text("body")
    assert not any(f"\n{button}" in words for button in ("Claim\n", "Pin first", "Skip", "Next study"))
    assert seat.page.locator("button[formaction]").count() == 0
    assert seat.barriers() == [] and seat.complaints == []
