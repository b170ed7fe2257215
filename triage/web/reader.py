"""Who sits at the page, and the token that forms repeat.

In the modes with accounts a reader is a session's person (see `entry`). In the mode `name`, for the trial
on one machine, it is a name the reader chose, in a signed cookie: it is shown and audited and proves
nothing, which is why that mode is refused on every address but loopback.
"""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from itsdangerous import BadData, URLSafeSerializer, URLSafeTimedSerializer

from triage.domain.account import Right, Role, Scope, may
from triage.domain.errors import Refused

COOKIE = "triage_reader"
SHIFT_SECONDS = 12 * 3600
SECRET_BYTES = 32


@dataclass(frozen=True, slots=True)
class Reader:
    """The person at the page; an empty name means that none was given yet. `form_token` is the session's own."""

    name: str = ""
    session: str = ""
    role: Role = Role.VIEWER
    scope: Scope | None = None
    form_token: str = ""
    # Whether somebody vouches for the name: a password, a provider, a proxy, a token.
    vouched: bool = False

    def may(self, right: str) -> bool:
        """Tell whether this reader may do what a `Right` names: `reader.may("PIN")`, as templates spell it."""
        return bool(self.name) and may(self.role, Right[right], self.scope)


NOBODY = Reader()


class Readers:
    """Signs and reads the cookie of the mode `name`, and checks the token that forms repeat."""

    def __init__(self, secret: bytes) -> None:
        self._cookies = URLSafeTimedSerializer(secret, salt="reader")
        self._tokens = URLSafeSerializer(secret, salt="form")

    def cookie(self, name: str) -> str:
        """Return a fresh cookie for that name."""
        return self._cookies.dumps([name, secrets.token_urlsafe(16)])

    def read(self, cookie: str | None) -> Reader:
        """Return who the cookie names; nobody when it is absent, forged or from another shift.

        Whoever can reach loopback is this machine's own person, so nothing is kept from them.
        """
        try:
            name, session = self._cookies.loads(cookie or "", max_age=SHIFT_SECONDS)
        except (BadData, ValueError, TypeError):
            return NOBODY
        return Reader(str(name), str(session), Role.ADMIN)

    def token(self, reader: Reader) -> str:
        """Return what this reader's forms must carry."""
        if reader.form_token:
            return reader.form_token
        return str(self._tokens.dumps(reader.session)) if reader.session else ""

    def check(self, reader: Reader, token: str) -> None:
        """Refuse an act without a name or with another session's token."""
        if not reader.name:
            raise Refused("no-reader", "Say who you are first.")
        wanted = self.token(reader)
        if not wanted or not secrets.compare_digest(token.encode(), wanted.encode()):
            raise Refused("form-token", "This page is from another session. Reload it.")


def load_secret(folder: Path) -> bytes:
    """Return the signing secret, made at first start: 0600, shared by every web process of this home."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / "web.key"
    fresh = folder / f".web.key.{os.getpid()}"
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(secrets.token_bytes(SECRET_BYTES))
    try:
        # A hard link appears whole or not at all: of two processes that start at once, one makes the key.
        os.link(fresh, path)
    except FileExistsError:
        pass
    finally:
        fresh.unlink()
    return path.read_bytes()
