"""`triage token`: shown once, and good for no more than whoever made it may do now."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import httpx2 as httpx
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine, text

from tests import worklist_cast as cast
from tests.accounts_cast import person
from tests.command_line import Triage
from tests.web_site import settings_for
from triage.domain.account import Role
from triage.store import tokens
from triage.store.engine import transaction
from triage.web import create_app


@pytest.fixture
def api(engine: Engine, tmp_path: Path) -> Iterator[httpx.Client]:
    """The API of the site whose database the commands use."""
    url = engine.url.render_as_string(hide_password=False)
    app = create_app(settings_for(tmp_path / "web", url, web={"accounts": "local"}), engine)
    with TestClient(app, base_url="http://127.0.0.1/api/v1") as client:
        yield client


def made(triage: Triage, name: str, actor: str) -> dict[str, str]:
    done = triage("token", "create", name, "--scope", "act", "--as", actor, "--bare")
    assert done.returncode == 0, done.stderr
    return {"authorization": f"Bearer {done.stdout.strip()}"}


def listed(triage: Triage) -> list[dict[str, str]]:
    found: list[dict[str, str]] = json.loads(triage("token", "list", "--json").stdout)["items"]
    return found


def test_a_token_stops_with_the_account_that_made_it_and_no_other(
    engine: Engine, triage: Triage, api: httpx.Client
) -> None:
    cast.image_arrives(engine, "one")
    person(engine, "Dr Ito", Role.LEAD)
    theirs, machines = made(triage, "bridge", "dr ITO"), made(triage, "backup", "root")
    for header in (theirs, machines):
        assert api.get("/worklist", headers=header).status_code == 200
    assert triage("user", "disable", "Dr Ito").returncode == 0
    assert api.get("/worklist", headers=theirs).status_code == 401
    assert api.get("/worklist", headers=machines).status_code == 200
    assert [(one["name"], one["reach"]) for one in listed(triage)] == [("backup", "act"), ("bridge", None)]


def test_a_token_does_no_more_than_its_maker_may_now(
    engine: Engine, triage: Triage, api: httpx.Client
) -> None:
    study_id = cast.image_arrives(engine, "one")
    person(engine, "Dr Ito", Role.READER)
    header = made(triage, "bridge", "Dr Ito")
    claim = {"version": 1}
    assert triage("user", "role", "Dr Ito", "viewer").returncode == 0
    refused = api.post(f"/worklist/{study_id}/claim", json=claim, headers=header)
    assert (refused.status_code, refused.json()["reason"]) == (403, "scope")
    assert api.get("/me", headers=header).json()["scope"] == "read"
    assert listed(triage)[0]["reach"] == "read"
    assert triage("user", "role", "Dr Ito", "admin").returncode == 0
    done = api.post(f"/worklist/{study_id}/claim", json=claim, headers=header)
    assert done.status_code == 200, done.text
    assert "end_claim" not in api.get("/me", headers=header).json()["rights"], "a token never leads"


def test_a_token_is_gone_with_its_makers_account(engine: Engine, triage: Triage, api: httpx.Client) -> None:
    person(engine, "Dr Ito")
    header = made(triage, "bridge", "Dr Ito")
    with transaction(engine) as connection:
        connection.execute(text("DELETE FROM account"))
    assert api.get("/worklist", headers=header).status_code == 401
    assert tokens.everyone(engine) == []
