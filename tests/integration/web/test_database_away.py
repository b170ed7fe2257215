"""The page while the database is away: it says so plainly, and comes back by itself."""

from __future__ import annotations

from pathlib import Path

import httpx2 as httpx

from tests import services
from tests import worklist_cast as cast
from tests.web_site import serving
from triage.store import engine as store_engine
from triage.store import schema


def test_the_page_outlives_its_database(tmp_path: Path) -> None:
    cluster = services.Postgres()
    try:
        cluster.admin("CREATE DATABASE away")
        url = cluster.url("away")
        engine = store_engine.connect(url)
        schema.upgrade(engine)
        study_id = cast.image_arrives(engine, "kept")
        with serving(tmp_path, url) as served:
            cluster.stop()
            page = httpx.get(f"{served.address}/", timeout=20)
            assert page.status_code == 503 and page.headers["retry-after"]
            assert "The list is unavailable" in page.text and "NOT FOR CLINICAL USE" in page.text
            assert httpx.get(f"{served.address}/readyz", timeout=20).status_code == 503
            assert httpx.get(f"{served.address}/livez").status_code == 200
            cluster.start()
            assert f'<tr id="s{study_id}"' in httpx.get(f"{served.address}/", timeout=20).text
        engine.dispose()
    finally:
        cluster.remove()
