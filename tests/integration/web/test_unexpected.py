"""An error that nobody foresaw: dressed like every answer, counted, logged, and silent about what it held."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import httpx2 as httpx
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine
from structlog.testing import capture_logs

from tests import worklist_cast as cast
from tests.web_site import PlainReader, serving, settings_for
from triage.store import situation, worklist
from triage.web import create_app
from triage.web.guard import SECURITY_HEADERS
from triage.worklist.actions import Desk

SECRET = "SENTINEL^NAME in a row"


def fail(*_: object, **__: object) -> None:
    raise RuntimeError(SECRET)


@pytest.fixture
def client(engine: Engine, tmp_path: Path) -> Iterator[httpx.Client]:
    """A browser or program that gets the answer, as over a wire, and not the exception."""
    url = engine.url.render_as_string(hide_password=False)
    app = create_app(settings_for(tmp_path, url), engine)
    with TestClient(app, base_url="http://127.0.0.1", raise_server_exceptions=False) as opened:
        yield opened


def counted(client: httpx.Client, route: str, method: str) -> float:
    name = f'spine_triage_http_request_seconds_count{{code="500",method="{method}",route="{route}"}}'
    found = re.search(re.escape(name) + r" ([0-9.]+)", client.get("/metrics").text)
    return float(found[1]) if found else 0.0


def dressed(answer: httpx.Response) -> str:
    """Check what every answer carries; return the number to ask by."""
    for header, value in SECURITY_HEADERS.items():
        assert answer.headers[header] == value
    assert answer.headers["cache-control"] == "no-store" and "SENTINEL" not in answer.text
    reference = answer.headers["x-request-id"]
    assert re.fullmatch("[0-9a-f]{12}", reference) and reference in answer.text
    return str(reference)


def test_a_page_that_fails_says_so_with_a_number_and_nothing_else(
    client: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worklist, "counts", fail)
    before = counted(client, "/", "GET")
    with capture_logs() as lines:
        answer = client.get("/", params={"tab": "all"}, headers={"x-request-id": "forged"})
    reference = dressed(answer)
    assert answer.status_code == 500 and "Could not show this" in answer.text
    assert "NOT FOR CLINICAL USE" in answer.text
    assert counted(client, "/", "GET") == before + 1
    (line,) = [line for line in lines if line["event"] == "unexpected"]
    assert (line["request"], line["error"], line["route"]) == (reference, "RuntimeError", "/")
    assert any("test_unexpected.py" in place and "fail" in place for place in line["at"])
    assert "SENTINEL" not in str(lines)


def test_an_act_that_fails_does_not_claim_that_nothing_changed(
    engine: Engine, client: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    study_id = cast.image_arrives(engine, "one")
    reader = PlainReader(client, "Dr A")
    token = reader.token()
    monkeypatch.setattr(Desk, "act", fail)
    path = f"/studies/{study_id}/claim"
    answer = reader.post(path, token=token, version=1)
    dressed(answer)
    assert answer.status_code == 500 and "Look at the row before you try again" in answer.text
    origin = {"origin": reader.origin, "hx-request": "true"}
    part = client.post(path, data={"token": token, "version": 1}, headers=origin)
    dressed(part)
    assert part.headers["content-type"].startswith("text/plain")


def test_the_api_says_it_as_a_problem(
    engine: Engine, client: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    PlainReader(client, "Dr A")
    before = counted(client, "/situation", "GET")
    monkeypatch.setattr(situation, "situation", fail)
    with capture_logs() as lines:
        answer = client.get("/api/v1/situation")
    monkeypatch.undo()
    reference = dressed(answer)
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.json()["reason"], answer.json()["status"]) == ("unexpected", 500)
    assert [line["request"] for line in lines if line["event"] == "unexpected"] == [reference]
    assert counted(client, "/situation", "GET") == before + 1


def test_the_server_writes_the_errors_class_and_never_its_text(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    with serving(tmp_path, engine.url.render_as_string(hide_password=False)) as served:
        monkeypatch.setattr(worklist, "counts", fail)
        assert httpx.get(f"{served.address}/").status_code == 500
        monkeypatch.undo()
    said = capfd.readouterr()
    assert "RuntimeError" in said.err + said.out
    assert "SENTINEL" not in said.err + said.out
