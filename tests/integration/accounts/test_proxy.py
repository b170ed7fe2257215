"""The trusted header: believed from the proxy's address, and from nobody else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from tests import worklist_cast as cast
from tests.accounts_cast import Member, person
from tests.web_site import settings_for
from triage.domain.account import Role
from triage.domain.errors import ConfigError
from triage.domain.reading import Column, Filters
from triage.domain.worklist import Tab
from triage.store import accounts, audit, saved_views, worklist
from triage.web.server import check_address

Open = Callable[..., Member]
ROLES = {"pacs-readers": "reader", "pacs-leads": "lead"}
SITE: dict[str, Any] = {
    "web": {"accounts": "proxy", "trusted_proxies": ["10.0.0.5"]},
    "access": {"proxy": {"addresses": ["10.0.0.5"], "roles": ROLES}},
}
ITO = {"x-forwarded-user": "Dr Ito", "x-forwarded-groups": "staff, pacs-readers"}


def test_whom_the_proxy_names_reads_with_the_role_of_their_groups(engine: Engine, browser: Open) -> None:
    study_id = cast.image_arrives(engine, "one")
    member = browser(peer="10.0.0.5", **SITE)
    member.client.headers.update(ITO)
    assert "SENTINEL" in member.get().text and accounts.find(engine, "Dr Ito").role is Role.READER
    assert member.act("claim", study_id, 1).status_code == 303
    assert worklist.row(engine, study_id).claimed_by == "Dr Ito"
    assert member.post(f"/studies/{study_id}/release", token="forged", version=2).status_code == 403


@pytest.mark.parametrize("peer", ["10.0.0.6", "127.0.0.1", "::1"])
def test_the_header_is_nothing_from_anybody_else(engine: Engine, browser: Open, peer: str) -> None:
    cast.image_arrives(engine, "one")
    member = browser(peer=peer, **SITE)
    member.client.headers.update({**ITO, "x-forwarded-for": "10.0.0.5", "x-real-ip": "10.0.0.5"})
    answer = member.get()
    assert answer.status_code == 401 and "SENTINEL" not in answer.text
    assert accounts.everyone(engine) == []


def test_a_browser_behind_the_proxy_may_be_anywhere(engine: Engine, browser: Open) -> None:
    member = browser(peer="10.0.0.5", **SITE)
    member.client.headers.update({**ITO, "x-forwarded-for": "192.168.7.7"})
    assert member.get().status_code == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"x-forwarded-user": "", "x-forwarded-groups": "pacs-readers"}, 403),
        ({"x-forwarded-user": "Dr Ito"}, 403),
        ({"x-forwarded-user": "Dr Ito", "x-forwarded-groups": "visitors"}, 403),
        ({"x-forwarded-user": "service:x", "x-forwarded-groups": "pacs-leads"}, 403),
        ({"x-forwarded-user": "admin", "x-forwarded-groups": "pacs-leads"}, 403),
    ],
)
def test_nobody_without_a_name_and_a_role_of_their_own_gets_in(
    engine: Engine, browser: Open, headers: dict[str, str], status: int
) -> None:
    person(engine, "admin", Role.ADMIN)
    member = browser(peer="10.0.0.5", **SITE)
    member.client.headers.update(headers)
    assert member.get().status_code == status


def test_two_names_are_none_and_a_closed_account_stays_closed(engine: Engine, browser: Open) -> None:
    member = browser(peer="10.0.0.5", **SITE)
    twice = [
        ("x-forwarded-user", "Dr Ito"),
        ("x-forwarded-user", "Dr Evil"),
        ("x-forwarded-groups", "pacs-leads"),
    ]
    assert member.client.get("/", headers=twice).status_code == 401
    member.client.headers.update(ITO)
    assert member.get().status_code == 200
    accounts.set_disabled(engine, "Dr Ito", True, "admin")
    fresh = browser(peer="10.0.0.5", **SITE)
    fresh.client.headers.update(ITO)
    assert fresh.get().status_code == 403


@pytest.mark.parametrize(
    ("told", "done"),
    [
        ({"sec-fetch-site": "same-origin"}, True),
        ({"sec-fetch-site": "none"}, True),
        ({"referer": "http://127.0.0.1/?tab=unread"}, True),
        ({"sec-fetch-site": "cross-site"}, False),
        ({"sec-fetch-site": "same-site", "referer": "http://127.0.0.1/"}, False),
        ({"referer": "https://evil.example/"}, False),
        ({"referer": "http://["}, False),
        ({}, False),
    ],
)
def test_no_other_sites_link_opens_a_viewer_or_changes_a_readers_columns(
    engine: Engine, browser: Open, told: dict[str, str], done: bool
) -> None:
    study_id = cast.image_arrives(engine, "one")
    viewers = [{"name": "OHIF", "url": "https://viewer.example/{study_uid}"}]
    member = browser(peer="10.0.0.5", access=SITE["access"], web={**SITE["web"], "viewers": viewers})
    member.client.headers.update(ITO)
    view = saved_views.save(engine, "Dr Ito", "Mine", Tab.ALL, Filters(), [Column.SOURCE])
    for path in (f"/studies/{study_id}/viewer/0", f"/views/{view}"):
        answer = member.client.get(path, headers=told, follow_redirects=False)
        assert answer.status_code == (303 if done else 403), path
        assert done or "Another site led here" in answer.text
    assert any(entry.action == "study.open" for entry in audit.entries(engine)) is done
    assert (Column.SOURCE in saved_views.chosen_columns(engine, "Dr Ito")) is done


def test_a_proxy_without_its_address_is_refused_at_start(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"access\.proxy"):
        check_address(settings_for(tmp_path, "", web={"accounts": "proxy"}))
    for addresses in ([], ["not an address"]):
        with pytest.raises(ConfigError, match="addresses"):
            settings_for(tmp_path, "", access={"proxy": {"addresses": addresses}})
