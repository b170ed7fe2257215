"""A feed that falls silent, in a real browser: the line is opened anew, and the page takes it back."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Browser
from sqlalchemy import Engine

from tests import worklist_cast as cast
from tests.silent_line import line_to
from tests.web_browser import Seat
from tests.web_site import Served

pytestmark = pytest.mark.timeout(300)
Sit = Callable[..., Seat]


@pytest.mark.parametrize("lonely", [False, True], ids=["shared", "without SharedWorker"])
def test_a_line_that_fell_silent_is_opened_anew_and_said_to_be_stale_until_then(
    engine: Engine, browser: Browser, site: Served, studies: list[int], lonely: bool
) -> None:
    with line_to(site.address) as line:
        seat = Seat(browser, line.address, lonely=lonely)
        assert seat.page.evaluate("'SharedWorker' in globalThis") is not lonely
        seat.sit_down("Dr A")
        seat.live()
        before = line.feeds
        line.hush()
        seat.page.wait_for_selector("#lost:not([hidden])", timeout=60_000)
        seat.page.wait_for_selector("#lost-words >> text=Live updates lost at")
        seat.live()
        assert line.feeds == before + 1
        arrived = cast.image_arrives(engine, "late")
        seat.page.wait_for_selector(f"#s{arrived}")
        seat.page.context.close()


def test_a_feed_that_was_only_silent_is_live_again_when_it_speaks(sit: Sit, studies: list[int]) -> None:
    seat = sit()
    seat.page.clock.install()
    seat.page.reload()
    seat.live()
    seat.page.clock.fast_forward(130_000)
    seat.page.wait_for_selector("#lost:not([hidden])")
    seat.live()
    assert seat.page.is_enabled(f"#s{studies[0]} >> text=Claim")
    assert seat.complaints == []
