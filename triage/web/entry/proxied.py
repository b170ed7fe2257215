"""The mode `proxy`: somebody in front signs people in and names them in a header.

Promises that the header counts only on a connection from the addresses that the site named, whatever any
other header says, that a closed account stays closed, and that only a request of now changes a role: a feed
that was opened yesterday does not. A connection from elsewhere is nobody's.
"""

from __future__ import annotations

import threading
import time
from ipaddress import ip_address, ip_network

from fastapi import Request
from sqlalchemy import Engine

from triage.config import ProxySettings
from triage.domain.account import Account, name_key, person_name
from triage.domain.errors import Conflict, Refused
from triage.domain.vouching import role_of
from triage.store import accounts
from triage.web.entry.forwarded import connected_from
from triage.web.entry.turned_away import TurnedAway, Why
from triage.web.reader import Reader

# A closed account is noticed this late at most; every request would otherwise lock the account's row.
BELIEVED_SECONDS = 10.0
MOST_KEPT = 1000
ELSEWHERE = "This page is reached through the site's own address."


class Proxied:
    """Tells people apart by what the site's proxy says of them."""

    def __init__(self, settings: ProxySettings, engine: Engine) -> None:
        self._settings = settings
        self._engine = engine
        self._networks = [ip_network(address) for address in settings.addresses]
        self._known: dict[tuple[str, str], tuple[float, Account]] = {}
        self._lock = threading.Lock()

    def reader(self, request: Request) -> Reader:
        """Return whom the proxy names; raises TurnedAway."""
        if not self._comes_from_the_proxy(connected_from(request)):
            raise TurnedAway(Why.SIGN_IN, sentence=ELSEWHERE)
        names = request.headers.getlist(self._settings.name_header)
        groups = request.headers.getlist(self._settings.role_header)
        # Two headers of one name: one of them may have been the browser's own.
        if len(names) != 1 or len(groups) > 1:
            raise TurnedAway(Why.SIGN_IN, sentence="The proxy names nobody, or two.")
        who = self._account(names[0], groups[0] if groups else "")
        if who.disabled:
            raise TurnedAway(Why.ROLE, sentence="This account is closed. Ask an admin.")
        return Reader(who.name, f"proxy:{name_key(who.name)}", who.role, vouched=True)

    def again(self, reader: Reader) -> Reader:
        """Return somebody on a connection that stays open; raises TurnedAway once their account is closed or changed.

        Writes nothing: the headers of an open connection are as old as it is and say nothing of today's role.
        """
        known = accounts.known(self._engine, reader.name)
        who = known.account if known else None
        if who is None or who.disabled or (who.origin, who.role) != ("proxy", reader.role):
            raise TurnedAway(Why.SIGN_IN)
        return reader

    def _account(self, spoken: str, groups: str) -> Account:
        now = time.monotonic()
        with self._lock:
            seen, known = self._known.get((spoken, groups), (0.0, None))
        if known is not None and now - seen < BELIEVED_SECONDS:
            return known
        role = role_of((word.strip() for word in _utf8(groups).split(",")), self._settings.roles)
        if role is None:
            raise TurnedAway(Why.ROLE)
        try:
            name = person_name(_utf8(spoken))
            found = accounts.vouched(self._engine, "proxy", "", name_key(name), name, role)
        except (Refused, Conflict) as no:
            raise TurnedAway(Why.ROLE, sentence=f"{no.sentence[:1].upper()}{no.sentence[1:]}.") from no
        with self._lock:
            if len(self._known) >= MOST_KEPT:
                self._known.clear()
            self._known[(spoken, groups)] = (now, found)
        return found

    def _comes_from_the_proxy(self, address: str) -> bool:
        try:
            peer = ip_address(address)
        except ValueError:
            return False
        return any(peer in network for network in self._networks)


def _utf8(header: str) -> str:
    """Return a header's text: proxies write UTF-8, HTTP reads Latin-1."""
    try:
        return header.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return header
