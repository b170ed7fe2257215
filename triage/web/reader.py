"""Who sits at the page: a name the reader chose, in a signed cookie. Accounts come with a later issue.

The name is shown and audited; it proves nothing, which is why the page binds to loopback. The cookie is
HttpOnly and SameSite=Strict, ends with the shift, and carries the secret that forms must repeat.
"""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from itsdangerous import BadData, URLSafeSerializer, URLSafeTimedSerializer

from triage.domain.errors import Refused

COOKIE = "triage_reader"
SHIFT_SECONDS = 12 * 3600
SECRET_BYTES = 32


@dataclass(frozen=True, slots=True)
class Reader:
    """The person at the page; an empty name means that none was given yet."""

    name: str = ""
    session: str = ""


class Readers:
    """Signs and reads the cookie, and the token that forms repeat."""

    def __init__(self, secret: bytes) -> None:
        self._cookies = URLSafeTimedSerializer(secret, salt="reader")
        self._tokens = URLSafeSerializer(secret, salt="form")

    def cookie(self, name: str) -> str:
        """Return a fresh cookie for that name."""
        return self._cookies.dumps([name, secrets.token_urlsafe(16)])

    def read(self, cookie: str | None) -> Reader:
        """Return who the cookie names; nobody when it is absent, forged or from another shift."""
        try:
            name, session = self._cookies.loads(cookie or "", max_age=SHIFT_SECONDS)
        except (BadData, ValueError, TypeError):
            return Reader()
        return Reader(str(name), str(session))

    def token(self, reader: Reader) -> str:
        """Return what this reader's forms must carry."""
        return str(self._tokens.dumps(reader.session)) if reader.session else ""

    def check(self, reader: Reader, token: str) -> None:
        """Refuse an act without a name or with another session's token."""
        if not reader.name:
            raise Refused("no-reader", "Say who you are first.")
        if not secrets.compare_digest(token.encode(), self.token(reader).encode()):
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
