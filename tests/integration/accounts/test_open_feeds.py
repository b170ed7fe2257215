"""A feed that stays open: what a proxy passes on does not cut it, its old words change nothing, and nobody holds too many."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
from sqlalchemy import Engine

from tests.feed_stream import Stream
from tests.web_site import Served, serving
from triage.domain.account import Role
from triage.store import accounts, audit
from triage.web import live
from triage.worklist import feed

SITE: dict[str, Any] = {
    "web": {"accounts": "proxy"},
    "access": {
        "proxy": {
            "addresses": ["127.0.0.1"],
            "roles": {"pacs-readers": "reader", "pacs-leads": "lead"},
        }
    },
}
LEAD = {"x_forwarded_user": "Dr Ito", "x_forwarded_groups": "pacs-leads"}
READER = {"x-forwarded-user": "Dr Ito", "x-forwarded-groups": "pacs-readers"}


@pytest.fixture
def proxied(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    """A site behind a proxy on this machine, whose feeds are looked at again with every event."""
    monkeypatch.setattr(live, "LOOK_AGAIN_SECONDS", 0.0)
    monkeypatch.setattr(feed, "ALIVE_S", 0.05)
    with serving(tmp_path, engine.url.render_as_string(hide_password=False), **SITE) as running:
        yield running


@pytest.mark.parametrize("path", ["/feed", "/api/v1/feed"])
@pytest.mark.parametrize("passed_on", ["Basic aXRvOnNlY3JldA==", "Bearer eyJhbGciOiJSUzI1NiJ9.e30.x"])
def test_what_somebody_signed_in_to_the_proxy_with_does_not_cut_their_feed(
    proxied: Served, path: str, passed_on: str
) -> None:
    stream = Stream(proxied, path, authorization=passed_on, **LEAD)
    assert stream.answer.status_code == 200
    for _ in range(4):
        stream.until("alive")
    stream.close()


def test_an_open_feed_ends_with_its_role_and_does_not_write_it_back(engine: Engine, proxied: Served) -> None:
    stream = Stream(proxied, **LEAD)
    stream.until("alive")
    assert httpx.get(f"{proxied.address}/", headers=READER).status_code == 200
    assert stream.ends()
    stream.close()
    assert accounts.find(engine, "Dr Ito").role is Role.READER
    changes = [entry for entry in audit.entries(engine) if entry.action == "account.role"]
    assert [entry.detail["role"] for entry in changes] == ["reader"]


def test_an_open_feed_ends_when_its_account_is_closed(engine: Engine, proxied: Served) -> None:
    stream = Stream(proxied, **LEAD)
    stream.until("alive")
    accounts.set_disabled(engine, "Dr Ito", True, "admin")
    assert stream.ends()
    stream.close()


@pytest.mark.parametrize(
    ("limits", "status", "word"),
    [
        ({"feeds_per_reader": 2}, 429, "reader"),
        ({"feeds_most": 2}, 503, "all"),
    ],
)
def test_one_feed_too_many_is_refused_with_when_to_ask_again(
    engine: Engine, tmp_path: Path, limits: dict[str, int], status: int, word: str
) -> None:
    site = {**SITE, "web": {**SITE["web"], **limits}}
    with serving(tmp_path, engine.url.render_as_string(hide_password=False), **site) as served:
        held = [Stream(served, **LEAD), Stream(served, "/api/v1/feed", **LEAD)]
        for stream in held:
            stream.next()
        headers = {"x-forwarded-user": "Dr Ito", "x-forwarded-groups": "pacs-leads"}
        for path in ("/feed", "/api/v1/feed"):
            refused = httpx.get(f"{served.address}{path}", headers=headers)
            assert (refused.status_code, refused.headers["retry-after"]) == (status, "30")
        assert refused.json()["reason"] == "feeds"
        asked = httpx.head(f"{served.address}/feed", headers=headers)
        assert (asked.status_code, asked.headers["x-no-room"]) == (status, word)
        other = {**headers, "x-forwarded-user": "Dr Abe"}
        assert httpx.head(f"{served.address}/feed", headers=other).status_code == (
            204 if status == 429 else 503
        )
        figures = httpx.get(f"{served.address}/metrics").text
        assert f'spine_triage_sse_refused_total{{limit="{word}"}}' in figures
        for stream in held:
            stream.close()
