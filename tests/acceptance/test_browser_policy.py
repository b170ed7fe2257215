"""The kill switch in a real browser: menu, banner and details, in both themes, looked at by axe-core."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser
from sqlalchemy import Engine

from tests import worklist_cast as cast
from tests.web_browser import Seat
from tests.web_site import Served

pytestmark = pytest.mark.timeout(300)
Theme = Literal["dark", "light"]
Sit = Callable[..., Seat]


def look(seat: Seat, folder: Path, name: str) -> None:
    assert seat.barriers() == [], name
    kept = Path(os.environ.get("TRIAGE_TEST_PICTURES", folder))
    seat.page.screenshot(path=kept / f"{name}.png")
    # Hiding the caret leaves style="" on every field; a menu that is kept open over a refresh would carry it along.
    seat.page.evaluate("document.querySelectorAll('[style=\"\"]').forEach(e => e.removeAttribute('style'))")


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_a_lead_stops_the_order_and_a_colleague_sees_it_at_once(
    engine: Engine, sit: Sit, studies: list[int], tmp_path: Path, theme: Theme
) -> None:
    cast.answer(engine, studies[4], cast.flagged())
    lead, colleague = sit("Dr B", theme=theme), sit("Dr A", theme=theme)
    colleague.await_order([studies[4], *studies[:4]])
    lead.page.click("#order > summary")
    lead.page.fill("#stop-reason", "flags look wrong today")
    cast.image_arrives(engine, "meanwhile")
    lead.page.wait_for_selector("#pending:not([hidden])")
    assert lead.page.input_value("#stop-reason") == "flags look wrong today", "what is typed stays"
    look(lead, tmp_path, f"order-menu-{theme}")
    lead.page.click("#order button.main")
    for seat in (lead, colleague):
        seat.page.wait_for_selector("#stopped >> text=set by Dr B: flags look wrong today")
    assert lead.order()[:5] == studies
    colleague.page.wait_for_function(
        "first => document.querySelector('#rows > tr').dataset.study === first", arg=str(studies[0])
    )
    lead.page.click("#order > summary")
    look(lead, tmp_path, f"order-stopped-{theme}")
    lead.page.click("#order > summary")
    lead.page.click(f"#o{studies[4]}")
    lead.page.wait_for_selector("#drawer")
    look(lead, tmp_path, f"order-details-{theme}")
    lead.page.fill("#resume-reason", "fixed")
    lead.page.click("#stopped button")
    for seat in (lead, colleague):
        seat.page.wait_for_selector("#stopped", state="detached")
    assert lead.order()[0] == studies[4]
    assert lead.complaints == colleague.complaints == []


def test_the_switch_works_without_scripts(browser: Browser, site: Served, studies: list[int]) -> None:
    seat = Seat(browser, site.address, scripts=False)
    seat.sit_down("Dr B")
    seat.page.click("#order > summary")
    seat.page.fill("#stop-reason", "no scripts here")
    seat.page.click("#order button.main")
    seat.page.wait_for_selector("#stopped >> text=no scripts here")
    assert seat.order() == studies
