"""People with accounts for the tests, and a browser without scripts in which they sign in."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import httpx2 as httpx
from sqlalchemy import Engine, text

from tests.web_site import PlainReader
from triage.accounts import passwords
from triage.domain.account import Account, Role
from triage.store import accounts
from triage.store.engine import transaction

PASSWORD = "a quiet reading room at night"
ANOTHER = "an even quieter reading room"


@cache
def _hash(spoken: str) -> str:
    return passwords.hashed(spoken)


def person(
    engine: Engine, name: str = "Dr Ito", role: Role = Role.READER, *, must_change: bool = False
) -> Account:
    """Make an account whose password is PASSWORD."""
    return accounts.create(engine, name, role, _hash(PASSWORD), "test", must_change=must_change)


class Member(PlainReader):
    """A reader who signs in; `home` is the site's folder."""

    home: Path

    def sign_in(self, name: str, password: str = PASSWORD, place: str = "/") -> httpx.Response:
        """Send the sign-in form."""
        return self.post("/sign-in", name=name, password=password, place=place)

    @property
    def cookie(self) -> str:
        """Return the session id in this browser; empty when there is none."""
        return self.client.cookies.get("triage_session") or ""

    def act_with(self, token: str, study_id: int) -> httpx.Response:
        """Press "claim" with a token that was seen earlier."""
        return self.post(f"/studies/{study_id}/claim", token=token, version=1)

    def own_token(self) -> str:
        """Return this session's token, wherever on the page it stands."""
        found = re.search(r'name="token" value="([^"]+)"', self.get("/account").text)
        assert found
        return found[1]

    def door_token(self) -> str:
        """Return the token of whatever page is shown now."""
        found = re.search(r'name="token" value="([^"]+)"', self.get().text)
        assert found
        return found[1]


def idle_for(engine: Engine, minutes: float) -> None:
    """Let every session be that long without a sign of life."""
    with transaction(engine) as connection:
        connection.execute(
            text("UPDATE session SET seen_at = seen_at - make_interval(secs => :s)"), {"s": minutes * 60}
        )


def older_by(engine: Engine, hours: float) -> None:
    """Let every session's end be that much nearer."""
    with transaction(engine) as connection:
        connection.execute(
            text("UPDATE session SET ends_at = ends_at - make_interval(secs => :s)"), {"s": hours * 3600}
        )
