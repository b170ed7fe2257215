"""Counts tries to sign in, for every web process alike. What was typed is kept as a digest only.

Promises exactness: a try is counted under its row's lock before the password is looked at, so tries at the
same moment, in whatever processes, cannot slip through together.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine, delete, func, select
from sqlalchemy.dialects.postgresql import insert

from triage.domain.attempts import PER_ACCOUNT, PER_ADDRESS, Limit, Tries, blocked, charge, forgiven
from triage.store import audit
from triage.store.account_tables import tries
from triage.store.engine import transaction

_T = tries.c
LONGEST_MEMORY = max(PER_ACCOUNT.memory, PER_ADDRESS.memory)


def digest_of(kind: str, value: str) -> bytes:
    """Return under which digest a name's or an address's tries are counted."""
    return hashlib.sha256(f"{kind}\0{value}".encode()).digest()


def take(engine: Engine, limits: Mapping[bytes, Limit], account: str | None, address: str) -> datetime | None:
    """Count one try against each digest, or return until when one of them has to wait (then none is counted).

    A try that starts a pause is audited here, with the account where there is one.
    """
    with transaction(engine) as connection:
        now: datetime = connection.execute(select(func.clock_timestamp())).scalar_one()
        # In one order, whoever asks: two processes never wait for each other.
        held = {digest: _locked(connection, digest, now) for digest in sorted(limits)}
        waits = [found.until for found in held.values() if found.until and blocked(found, now)]
        if waits:
            return max(waits)
        for digest, found in held.items():
            after = charge(found, limits[digest], now)
            _keep(connection, digest, after)
            if after.until is not None:
                kind = "account" if limits[digest] is PER_ACCOUNT else "address"
                detail = {"by": kind, "tries": after.count, "address": address, "account": account}
                audit.record(connection, audit.SYSTEM, "session.lock-out", kind, detail=detail)
    return None


def forgive(connection: Connection, account_digest: bytes, address_digest: bytes) -> None:
    """Take a try that succeeded back, inside the transaction that signs in."""
    connection.execute(delete(tries).where(_T.digest == account_digest))
    found = connection.execute(
        select(_T.count, _T.last, _T.until).where(_T.digest == address_digest)
    ).one_or_none()
    if found is not None:
        _keep(connection, address_digest, forgiven(Tries(*found)))


def forget_account(connection: Connection, key: str) -> None:
    """Forget the failures of the account of that name key: somebody who may has changed the account."""
    connection.execute(delete(tries).where(_T.digest == digest_of("account", key)))


def expire(engine: Engine) -> int:
    """Forget what no limit remembers any more; return how many rows."""
    with transaction(engine) as connection:
        old = func.now() - LONGEST_MEMORY - timedelta(hours=1)
        return connection.execute(delete(tries).where(_T.last < old)).rowcount


def _locked(connection: Connection, digest: bytes, now: datetime) -> Tries:
    empty = insert(tries).values(digest=digest, count=0, last=now, until=None)
    connection.execute(empty.on_conflict_do_nothing())
    query = select(_T.count, _T.last, _T.until).where(_T.digest == digest).with_for_update()
    return Tries(*connection.execute(query).one())


def _keep(connection: Connection, digest: bytes, after: Tries) -> None:
    row = {"digest": digest, "count": after.count, "last": after.last, "until": after.until}
    query = insert(tries).values(row)
    same = {name: query.excluded[name] for name in ("count", "last", "until")}
    connection.execute(query.on_conflict_do_update(index_elements=["digest"], set_=same))
