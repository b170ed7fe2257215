"""Many tabs of one browser: over HTTP/1.1 it opens six connections to a host, so the tabs share one live feed."""

from __future__ import annotations

import re
from collections.abc import Callable

import httpx2 as httpx
import pytest
from playwright.sync_api import Page
from sqlalchemy import Engine

from tests import worklist_cast as cast
from tests.web_browser import Seat
from tests.web_site import Served

pytestmark = pytest.mark.timeout(300)
Sit = Callable[..., Seat]
TABS = 8


def feeds(site: Served) -> int:
    """Return how many live feeds the site has open."""
    said = httpx.get(f"{site.address}/metrics", timeout=30).text
    found = re.search(r"^spine_triage_sse_clients (\d+)", said, re.M)
    assert found, said
    return int(found[1])


def tabs_of(seat: Seat, count: int) -> list[Page]:
    """Open more tabs beside the seat's own; return all of them."""
    more = [seat.page.context.new_page() for _ in range(count - 1)]
    for tab in more:
        tab.goto(seat.address)
        tab.wait_for_selector("#live.good")
    return [seat.page, *more]


def test_eight_tabs_of_one_browser_are_all_live_on_one_feed(
    engine: Engine, sit: Sit, site: Served, studies: list[int]
) -> None:
    tabs = tabs_of(sit(), TABS)
    assert feeds(site) == 1
    arrived = cast.image_arrives(engine, "late")
    for tab in tabs:
        tab.wait_for_selector(f"#s{arrived}")
    tabs[-1].click(f"#s{arrived} >> text=Claim")
    for tab in tabs:
        tab.wait_for_selector(f"#s{arrived} >> text=You")
    for tab in tabs[:-1]:
        tab.close()
    cast.image_arrives(engine, "later")
    tabs[-1].wait_for_selector("#pending >> text=1 new")  # a row is in focus there
    assert feeds(site) == 1


def test_a_lost_line_is_said_in_every_tab(sit: Sit, site: Served, studies: list[int]) -> None:
    tabs = tabs_of(sit(), 3)
    site.stop.set()
    for tab in tabs:
        tab.wait_for_selector("#lost:not([hidden])")


def test_two_browsers_have_a_feed_each(sit: Sit, site: Served, studies: list[int]) -> None:
    sit()
    sit()
    assert feeds(site) == 2


def test_a_browser_without_shared_workers_has_a_feed_for_each_tab(
    engine: Engine, sit: Sit, site: Served, studies: list[int]
) -> None:
    seat = sit()
    seat.page.context.add_init_script("delete globalThis.SharedWorker")
    tabs = tabs_of(seat, 2)
    seat.page.reload()
    seat.live()
    assert feeds(site) == 2
    arrived = cast.image_arrives(engine, "late")
    for tab in tabs:
        tab.wait_for_selector(f"#s{arrived}")
