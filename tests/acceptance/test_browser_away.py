"""The page while its database is away, in a real browser: it says so, keeps the list, and comes back whole."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests import services
from tests import worklist_cast as cast
from tests.web_browser import Seat
from tests.web_site import serving
from triage.store import engine as store_engine
from triage.store import schema, worklist

pytestmark = pytest.mark.timeout(300)


def test_the_page_reconnects_by_itself_after_the_database_restarts(browser: Browser, tmp_path: Path) -> None:
    cluster = services.Postgres()
    try:
        cluster.admin("CREATE DATABASE away")
        engine = store_engine.connect(cluster.url("away"))
        schema.upgrade(engine)
        ids = [cast.image_arrives(engine, f"a{n}", waited_minutes=9 - n) for n in range(3)]
        with serving(tmp_path, cluster.url("away")) as served:
            seat = Seat(browser, served.address)
            seat.sit_down("Dr A")
            seat.live()
            cluster.stop()
            lost = seat.page.wait_for_selector("#lost:not([hidden])")
            assert lost is not None and "The order may be out of date." in lost.inner_text()
            assert seat.order() == ids, "the list stays readable"
            assert seat.barriers() == []
            seat.page.click(f"#s{ids[0]} >> text=Claim")
            seat.page.wait_for_selector("#message >> text=Could not save.")
            cluster.start()
            engine.dispose()
            worklist.claim(engine, ids[1], "Dr B")
            late = cast.image_arrives(engine, "late")
            seat.page.wait_for_selector("#live.good")
            seat.page.wait_for_selector(f"#s{ids[1]} >> text=Dr B")
            seat.page.keyboard.press(".")
            seat.await_order([*ids, late])
            assert worklist.row(engine, ids[0]).claimed_by == "", "nothing was saved, as it said"
        engine.dispose()
    finally:
        cluster.remove()


def test_after_two_minutes_the_page_sends_the_reader_to_the_pacs_list(
    browser: Browser, tmp_path: Path
) -> None:
    with services.database() as url:
        engine = store_engine.connect(url)
        study_id = cast.image_arrives(engine, "kept")
        with serving(tmp_path, url) as served:
            seat = Seat(browser, served.address)
            seat.page.clock.install()
            seat.sit_down("Dr A")
            seat.live()
        seat.page.wait_for_selector("#lost:not([hidden])")
        seat.page.clock.fast_forward(130_000)
        seat.page.wait_for_selector("#lost.gone >> text=Not connected. Use your PACS list.")
        assert seat.page.is_disabled(f"#s{study_id} >> text=Claim"), "acts are not offered"
        assert seat.order() == [study_id]
        assert seat.barriers() == []
        engine.dispose()
