"""The live feed over a real socket, from a commit in Postgres to the browser's side."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import httpx2 as httpx
import pytest
from sqlalchemy import Engine, text

from tests import worklist_cast as cast
from tests.feed_stream import Stream
from tests.web_site import Served, serving, settings_for
from triage.domain.errors import ConfigError
from triage.store import presence, worklist
from triage.store.engine import transaction
from triage.web import serve

END_LISTENER = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query = 'LISTEN worklist'"


@pytest.fixture
def served(engine: Engine, tmp_path: Path) -> Iterator[Served]:
    """A running web process on this test's database."""
    with serving(tmp_path, engine.url.render_as_string(hide_password=False)) as running:
        yield running


@pytest.fixture
def stream(served: Served) -> Iterator[Stream]:
    """An open feed."""
    opened = Stream(served)
    yield opened
    opened.close()


def test_a_committed_change_reaches_the_browser_as_a_row_id_and_nothing_else(
    engine: Engine, stream: Stream
) -> None:
    assert stream.next() == ("resync", [])
    started = time.monotonic()
    study_id = cast.image_arrives(engine, "arriving")
    assert stream.until("change") == [f"{study_id}:1"]
    assert time.monotonic() - started < 2.0
    cast.answer(engine, study_id, cast.flagged())
    assert stream.until("change") == [f"{study_id}:1"]
    worklist.claim(engine, study_id, "Dr B")
    assert stream.until("change") == [f"{study_id}:2"]
    said = "\n".join(stream.raw)
    assert "SENTINEL" not in said and "Dr B" not in said


def test_a_lost_listener_is_said_at_once_and_heals_with_a_resync(engine: Engine, stream: Stream) -> None:
    assert stream.next() == ("resync", [])
    with transaction(engine) as connection:
        ended = connection.execute(text(END_LISTENER)).scalars().all()
    assert ended == [True]
    started = time.monotonic()
    stream.until("stale")
    assert time.monotonic() - started < 2.0
    stream.until("resync")
    study_id = cast.image_arrives(engine, "after")
    assert stream.until("change") == [f"{study_id}:1"]


def test_the_process_stops_at_once_although_feeds_are_open(served: Served, stream: Stream) -> None:
    assert stream.next()[0] == "resync"
    started = time.monotonic()
    served.stop.set()
    assert stream.next()[0] == "closed"
    assert time.monotonic() - started < 3.0


def test_the_probes_tell_alive_from_ready(engine: Engine, served: Served) -> None:
    assert httpx.get(f"{served.address}/livez").json() == {"status": "alive"}
    ready = httpx.get(f"{served.address}/readyz")
    assert ready.json() == {"database": "ok", "schema": "ok", "feed": "ok"}
    assert "web" in {process.kind for process in presence.everyone(engine)}


def test_the_figures_speak_for_the_installation_and_name_no_patient(engine: Engine, served: Served) -> None:
    cast.image_arrives(engine, "counted")
    text_of = httpx.get(f"{served.address}/metrics").text
    for name in (
        "build_info",
        "db_pool_in_use",
        "queue_oldest_age_seconds",
        "login_total",
        "http_request_seconds",
    ):
        assert f"spine_triage_{name}" in text_of, name
    assert 'spine_triage_studies{state="receiving"} 1.0' in text_of
    assert 'spine_triage_worklist_unread{band="routine"} 1.0' in text_of
    assert 'spine_triage_worklist_unread{band="sooner"} 0.0' in text_of
    assert 'spine_triage_http_request_seconds_count{code="200",method="GET",route="/readyz"}' in text_of
    assert "SENTINEL" not in text_of


def test_a_claim_that_ran_out_is_given_back_by_the_page_itself(
    engine: Engine, tmp_path: Path, stream: Stream
) -> None:
    study_id = cast.image_arrives(engine, "forgotten")
    worklist.claim(engine, study_id, "Dr A", minutes=0.001)
    for _ in range(200):
        if worklist.row(engine, study_id).claimed_by == "":
            break
        time.sleep(0.1)
    assert worklist.row(engine, study_id).claimed_by == ""


def test_a_port_that_is_taken_is_named(engine: Engine, tmp_path: Path, served: Served) -> None:
    port = int(served.address.rsplit(":", 1)[1])
    url = engine.url.render_as_string(hide_password=False)
    with pytest.raises(ConfigError, match=f"cannot listen on 127.0.0.1 port {port}"):
        serve(settings_for(tmp_path, url, web={"port": port}), served.stop)
