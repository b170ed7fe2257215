"""One live page too many, in a real browser: it says why it is stale, stays usable, and heals when another closes."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests import services
from tests import worklist_cast as cast
from tests.web_browser import Seat
from tests.web_site import serving
from triage.store import engine as store_engine

pytestmark = pytest.mark.timeout(300)


def test_a_page_without_a_feed_says_why_and_takes_the_place_of_one_that_closes(
    browser: Browser, tmp_path: Path
) -> None:
    with services.database() as url:
        engine = store_engine.connect(url)
        study_id = cast.image_arrives(engine, "kept")
        with serving(tmp_path, url, web={"feeds_most": 1}) as served:
            first = Seat(browser, served.address)
            first.live()
            second = Seat(browser, served.address)
            second.page.wait_for_selector("#lost >> text=As many live pages are open as this site allows.")
            second.sit_down("Dr B")
            second.page.wait_for_selector("#lost >> text=As many live pages are open as this site allows.")
            assert second.barriers() == []
            second.page.click(f"#s{study_id} >> text=Claim")
            second.page.wait_for_selector(f"#s{study_id} >> text=You")
            first.page.close()
            second.live()
        engine.dispose()
