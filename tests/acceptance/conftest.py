"""One browser, one site, a few studies: what the tests of the page in a real browser share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser
from sqlalchemy import Engine

from tests import worklist_cast as cast
from tests.web_browser import Seat, chromium
from tests.web_site import Served, serving

Sit = Callable[..., Seat]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser for a whole file; each seat is a context of its own."""
    with chromium() as opened:
        yield opened


@pytest.fixture
def site(engine: Engine, tmp_path: Path) -> Iterator[Served]:
    """The real server on this test's database."""
    url = engine.url.render_as_string(hide_password=False)
    viewers = [{"name": "IID", "url": "http://127.0.0.1:9/viewer?studyUID={study_uid}"}]
    with serving(
        tmp_path, url, product={"mode": "assist", "site": "Phantom hospital"}, viewers=viewers
    ) as served:
        yield served


@pytest.fixture
def studies(engine: Engine) -> list[int]:
    """Five studies, the longest waiting first, all of their images here."""
    ids = [cast.image_arrives(engine, f"s{n}", waited_minutes=50 - 10 * n) for n in range(5)]
    for study_id in ids:
        cast.closed(engine, study_id)
    return ids


@pytest.fixture
def sit(browser: Browser, site: Served) -> Sit:
    """Open a reader's browser that hears of changes."""

    def seated(name: str = "Dr A", **look: object) -> Seat:
        seat = Seat(browser, site.address, **look)  # type: ignore[arg-type]  # passed through as given
        seat.sit_down(name)
        seat.live()
        return seat

    return seated
