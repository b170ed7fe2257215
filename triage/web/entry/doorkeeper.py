"""Finds out who asks: by session, by name, or by a proxy's header, as the site chose.

Promises that each mode believes its own sign alone: a session cookie is nothing in the mode `name`, a
header is nothing unless it comes from the proxy that the site named.
"""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import Request
from sqlalchemy import Engine

from triage.accounts import tokens as secrets
from triage.accounts.signing_in import lifetimes
from triage.config import Settings
from triage.domain.account import Role
from triage.store import sessions, tokens
from triage.store.sessions import Session
from triage.web.entry import cookie
from triage.web.entry.proxied import Proxied
from triage.web.entry.turned_away import TurnedAway, Why
from triage.web.reader import COOKIE, Reader, Readers

# What the page asks for by itself is no sign of life of its reader.
BY_ITSELF = frozenset({"/feed", "/api/v1/feed"})
WITH_SESSIONS = frozenset({"local", "oidc"})
# The elements that renew themselves: the list, the operations page.
RENEWING = frozenset({"refresh", "operations", "renewal"})


@dataclass(frozen=True)
class Doorkeeper:
    """One site's way of telling people apart."""

    settings: Settings
    engine: Engine
    readers: Readers
    proxied: Proxied | None = None

    def reader(self, request: Request) -> Reader:
        """Return who asks; raises TurnedAway when they may not see the page now."""
        mode = self.settings.web.accounts
        if mode == "name":
            return self.readers.read(request.cookies.get(COOKIE))
        if mode == "proxy":
            if self._in_front is None:
                raise TurnedAway(Why.SIGN_IN)
            return self._in_front.reader(request)
        held = self.session(request)
        if held is None:
            raise TurnedAway(Why.SIGN_IN)
        reader = of_session(held)
        # A site that changed its mode: who came in by a password must not stay in past it.
        if held.account.origin != mode:
            raise TurnedAway(Why.SIGN_IN)
        if held.locked:
            raise TurnedAway(Why.LOCKED, reader)
        if held.account.must_change:
            raise TurnedAway(Why.PASSWORD, reader)
        return reader

    def again(self, request: Request, reader: Reader) -> Reader:
        """Return who still asks on a connection that stays open; raises TurnedAway once they may not."""
        return self._in_front.again(reader) if self._in_front else self.reader(request)

    def token_in(self, request: Request) -> str:
        """Return the Authorization header where it is a program's to us, empty where somebody in front was meant.

        A proxy passes on what people sign in to it with: Basic, or in the mode `proxy` a bearer's token of its own.
        """
        header = request.headers.get("authorization", "")
        if not header.lower().startswith("bearer "):
            return ""
        return "" if self._in_front and not secrets.bearer(header) else header

    @property
    def _in_front(self) -> Proxied | None:
        """Return the proxy that signs people in, where the site chose one; its section alone chooses nothing."""
        return self.proxied if self.settings.web.accounts == "proxy" else None

    def bearer(self, header: str) -> Reader:
        """Return the program whose token an Authorization header holds; raises TurnedAway for any other."""
        sent = secrets.bearer(header)
        found = tokens.find(self.engine, secrets.digest_of(sent)) if sent else None
        # A reach of None would read as no limit at all.
        if found is None or found.reach is None:
            raise TurnedAway(Why.SIGN_IN, sentence="That token is not good.")
        return Reader(found.actor, "", Role.SERVICE, found.reach, vouched=True)

    def session(self, request: Request) -> Session | None:
        """Return this browser's session, locked or not."""
        sent = cookie.identifier(request)
        if not sent or self.settings.web.accounts not in WITH_SESSIONS:
            return None
        lasting = lifetimes(self.settings.access)
        return sessions.find(self.engine, sessions.digest_of(sent), lasting, active=is_act(request))


def of_session(held: Session) -> Reader:
    """Return a session's person as the page knows them."""
    who = held.account
    return Reader(who.name, "", who.role, None, held.form_token, vouched=True)


def is_act(request: Request) -> bool:
    """Tell whether a person asks, and not the page by itself."""
    if request.url.path in BY_ITSELF:
        return False
    return request.headers.get("hx-trigger") not in RENEWING


def peer(request: Request) -> str:
    """Return the address that a request comes from, as far as it can be believed."""
    return request.client.host if request.client else ""
