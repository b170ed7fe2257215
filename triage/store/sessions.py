"""Sessions of people: made at sign-in, known by the SHA-256 of a random id, ended by anybody who should.

Promises that an id is never stored, that a disabled account's sessions are none, and that both lifetimes
hold whatever the cookie says. A session that idled too long is locked: it shows nothing until its person
gives the password again.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, Row, delete, func, insert, select, update

from triage.domain.account import Account, name_key
from triage.domain.attempts import By, place_of
from triage.domain.errors import NotFound
from triage.store import audit, places, tries
from triage.store.account_tables import account, session
from triage.store.accounts import FIELDS, end_sessions_of, of_row
from triage.store.engine import transaction

_S = session.c
ID_BYTES = 32
# One row change a minute at most: a reader who works all night must not make a log of it.
SEEN_EVERY = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """How long a session lasts: in all, without a sign of life, and until it locks (None: never)."""

    whole: timedelta
    idle: timedelta
    lock: timedelta | None


@dataclass(frozen=True, slots=True)
class Session:
    """One signed-in browser. `digest` names it; the id itself is in the browser alone."""

    digest: bytes
    account: Account
    form_token: str
    opened_at: datetime
    seen_at: datetime
    ends_at: datetime
    locked: bool


@dataclass(frozen=True, slots=True)
class Opened:
    """A session just made, with the id that goes into the cookie and nowhere else."""

    identifier: str
    form_token: str


def digest_of(identifier: str) -> bytes:
    """Return under which digest a session is kept."""
    return hashlib.sha256(identifier.encode()).digest()


def open_session(
    engine: Engine,
    who: Account,
    lifetimes: Lifetimes,
    address: str,
    method: str,
    *,
    replacing: bytes = b"",
    forgiving: Mapping[By, str] | None = None,
    fitted_hash: str = "",
    new_hash: str = "",
) -> Opened:
    """Sign somebody in, or unlock: a new id each time, the old session (`replacing`) ends.

    In the same transaction the counted try is forgiven, the place is remembered, a hash of old parameters is replaced by
    `new_hash`, and the audit remembers. Raises NotFound when the account was disabled meanwhile, or no longer
    has the password that was checked (`fitted_hash`; empty where nobody checked one).
    """
    made = Opened(secrets.token_urlsafe(ID_BYTES), secrets.token_urlsafe(ID_BYTES))
    with transaction(engine) as connection:
        values: dict[str, Any] = {"last_sign_in_at": func.now()}
        if new_hash:
            values["password_hash"] = new_hash
        open_account = [account.c.id == who.id, ~account.c.disabled]
        if fitted_hash:
            open_account.append(account.c.password_hash == fitted_hash)
        if not connection.execute(update(account).where(*open_account).values(values)).rowcount:
            raise NotFound("account", "the account is closed")
        ends = _replaced_end(connection, replacing) or func.now() + lifetimes.whole
        row = {
            "digest": digest_of(made.identifier),
            "account_id": who.id,
            "form_token": made.form_token,
            "address": address,
            "ends_at": ends,
        }
        connection.execute(insert(session).values(row))
        if forgiving is not None:
            tries.forgive(connection, forgiving)
            places.remember(connection, who.id, place_of(address))
        detail = {"method": method, "address": address}
        audit.record(connection, who.name, "session.open", "session", detail=detail)
    return made


def _replaced_end(connection: Connection, digest: bytes) -> datetime | None:
    """End the session that the new one replaces; an unlocked one keeps its absolute end."""
    if not digest:
        return None
    query = delete(session).where(_S.digest == digest).returning(_S.ends_at)
    found: datetime | None = connection.execute(query).scalar_one_or_none()
    return found


def refused(engine: Engine, name: str | None, address: str, method: str) -> None:
    """Remember a sign-in that failed: the account where there is one, never what was typed or what was wrong."""
    with transaction(engine) as connection:
        detail = {"method": method, "address": address, "account": name}
        audit.record(connection, "unknown", "session.refuse", "session", detail=detail)


def find(engine: Engine, digest: bytes, lifetimes: Lifetimes, *, active: bool) -> Session | None:
    """Return the live session of that digest; `active` counts as a sign of life unless it is locked."""
    query = (
        select(
            _S.digest, _S.form_token, _S.opened_at, _S.seen_at, _S.ends_at, func.now().label("now"), *FIELDS
        )
        .join(account, account.c.id == _S.account_id)
        .where(
            _S.digest == digest,
            _S.ends_at > func.now(),
            _S.seen_at > func.now() - lifetimes.idle,
            ~account.c.disabled,
        )
    )
    with transaction(engine) as connection:
        found = connection.execute(query).one_or_none()
        if found is None:
            return None
        seen = _session(found, lifetimes)
        if active and not seen.locked and found.now - found.seen_at > SEEN_EVERY:
            connection.execute(update(session).where(_S.digest == digest).values(seen_at=func.now()))
    return seen


def _session(found: Row[Any], lifetimes: Lifetimes) -> Session:
    locked = lifetimes.lock is not None and found.now - found.seen_at > lifetimes.lock
    who = of_row(found._mapping)
    return Session(found.digest, who, found.form_token, found.opened_at, found.seen_at, found.ends_at, locked)


def end(engine: Engine, digest: bytes) -> None:
    """Sign one browser out; one that is signed out already stays so."""
    query = (
        delete(session).where(_S.digest == digest, account.c.id == _S.account_id).returning(account.c.name)
    )
    with transaction(engine) as connection:
        name = connection.execute(query).scalar_one_or_none()
        if name is not None:
            audit.record(connection, name, "session.end", "session")


def end_all(engine: Engine, name: str, actor: str) -> int:
    """End every session of an account; return how many. Raises NotFound."""
    with transaction(engine) as connection:
        query = select(account.c.id, account.c.name).where(account.c.name_key == name_key(name))
        found = connection.execute(query).one_or_none()
        if found is None:
            raise NotFound("account", f"there is no account of the name {name}")
        ended = end_sessions_of(connection, found.id)
        audit.record(connection, actor, "session.end-all", found.name, detail={"sessions_ended": ended})
        return ended


def of_account(engine: Engine, account_id: int) -> list[dict[str, Any]]:
    """Return the account's sessions, the newest first: when opened, seen, ending, and from which address."""
    query = (
        select(_S.opened_at, _S.seen_at, _S.ends_at, _S.address)
        .where(_S.account_id == account_id, _S.ends_at > func.now())
        .order_by(_S.opened_at.desc())
    )
    with transaction(engine) as connection:
        return [dict(row) for row in connection.execute(query).mappings()]


def expire(engine: Engine, lifetimes: Lifetimes) -> int:
    """Forget sessions that are over; return how many."""
    over = (_S.ends_at <= func.now()) | (_S.seen_at <= func.now() - lifetimes.idle)
    with transaction(engine) as connection:
        return connection.execute(delete(session).where(over)).rowcount
