"""The operations page in a real browser, in both themes, looked at by axe-core, with and without scripts."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser
from sqlalchemy import Engine

from tests import worklist_cast as cast
from tests.integration.web.operations_cast import busy_day, read_week
from tests.web_browser import Seat
from tests.web_site import Served
from triage.store import operations, worklist_policy

pytestmark = pytest.mark.timeout(300)
Theme = Literal["dark", "light"]
Sit = Callable[..., Seat]


def look(seat: Seat, folder: Path, name: str) -> None:
    assert seat.barriers() == [], name
    kept = Path(os.environ.get("TRIAGE_TEST_PICTURES", folder))
    seat.page.screenshot(path=kept / f"{name}.png", full_page=True)


@pytest.fixture(params=["dark", "light"])
def theme(request: pytest.FixtureRequest) -> Iterator[Theme]:
    yield request.param


def test_an_empty_installation_keeps_nobody_out(sit: Sit, tmp_path: Path, theme: Theme) -> None:
    seat = sit(theme=theme)
    seat.page.click("text=Operations")
    seat.page.wait_for_selector("#operations")
    look(seat, tmp_path, f"operations-empty-{theme}")
    seat.page.click("#worth")
    seat.page.wait_for_selector("text=Cannot be computed")
    look(seat, tmp_path, f"operations-worth-empty-{theme}")
    assert seat.complaints == []


def test_everybody_can_use_the_operations_page(
    engine: Engine, sit: Sit, tmp_path: Path, theme: Theme
) -> None:
    read_week(engine)
    busy_day(engine)
    worklist_policy.change(engine, cast.POLICY, cast.POLICY, "Dr Lead", "agreed by the department")
    seat = sit(theme=theme)
    seat.page.click("text=Operations")
    seat.page.wait_for_selector("text=CR_ROOM_1")
    seat.page.click("#worth")
    seat.page.wait_for_selector("text=This week triage saved each flagged study")
    look(seat, tmp_path, f"operations-worth-{theme}")
    seat.page.click("text=Back to operations")
    seat.page.wait_for_selector("text=This week triage saved each flagged study")
    look(seat, tmp_path, f"operations-{theme}")
    seat.page.click("text=Analyse again")
    seat.page.wait_for_selector("#because")
    look(seat, tmp_path, f"operations-preview-{theme}")
    seat.page.click("text=Analyse 1 again")
    seat.page.wait_for_selector("text=: queued")
    look(seat, tmp_path, f"operations-done-{theme}")
    assert operations.failures(engine) == []
    assert seat.complaints == []


def test_it_renews_itself_and_works_without_scripts(engine: Engine, browser: Browser, site: Served) -> None:
    seat = Seat(browser, site.address, scripts=False)
    seat.sit_down("Dr A")
    seat.page.goto(f"{site.address}/operations")
    assert "Nobody sent anything." in seat.page.inner_text("main")
    live = Seat(browser, site.address)
    live.sit_down("Dr B")
    live.page.clock.install()
    live.page.goto(f"{site.address}/operations")
    live.page.focus("#renew")
    cast.image_arrives(engine, "one")
    live.page.clock.run_for(31_000)
    live.page.wait_for_selector("text=CR_ROOM_1")
    assert live.focused() == "renew", "who works by keyboard keeps their place"
    assert live.complaints == []
