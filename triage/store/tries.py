"""Counts tries to sign in, for every web process alike. What was typed is kept as a digest only.

Promises exactness: a try is counted under its row's lock before the password is looked at, so tries at the
same moment, in whatever processes, cannot slip through together.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine, delete, func, or_, select
from sqlalchemy.dialects.postgresql import insert

from triage.domain.attempts import LIMITS, By, Tries, blocked, charge, forgiven
from triage.store import audit
from triage.store.account_tables import tries
from triage.store.engine import transaction

_T = tries.c
LONGEST_MEMORY = max(limit.memory for limit in LIMITS.values())
# What success takes back one try of; the others are forgotten by it.
_SHARED = frozenset({By.ACCOUNT, By.ADDRESS})


def digest_of(kind: str, value: str) -> bytes:
    """Return under which digest a name's or an address's tries are counted."""
    return hashlib.sha256(f"{kind}\0{value}".encode()).digest()


def take(
    engine: Engine, counted: Mapping[By, str], name_key: str, account: str | None, address: str
) -> datetime | None:
    """Count one try by each of them, or return until when one has to wait (then none is counted).

    A try that starts a pause is audited here, with the account where there is one.
    """
    digests = {digest_of(by, value): by for by, value in counted.items()}
    with transaction(engine) as connection:
        now: datetime = connection.execute(select(func.clock_timestamp())).scalar_one()
        waiting = select(func.max(_T.until)).where(_T.digest.in_(list(digests)), _T.until > now)
        until: datetime | None = connection.execute(waiting).scalar_one()
        if until is not None:
            return until
        whose = digest_of("name", name_key)
        # In one order, whoever asks: two processes never wait for each other.
        held = {
            digest: _locked(connection, digest, None if digests[digest] is By.ADDRESS else whose, now)
            for digest in sorted(digests)
        }
        waits = [found.until for found in held.values() if found.until and blocked(found, now)]
        if waits:
            return max(waits)
        for digest, found in held.items():
            by = digests[digest]
            after = charge(found, LIMITS[by], now)
            _keep(connection, digest, after)
            if after.until is not None:
                detail = {"by": by, "tries": after.count, "address": address, "account": account}
                audit.record(connection, audit.SYSTEM, "session.lock-out", by, detail=detail)
    return None


def forgive(connection: Connection, counted: Mapping[By, str]) -> None:
    """Take a try that succeeded back, inside the transaction that signs in."""
    for by, value in sorted(counted.items(), key=lambda pair: digest_of(*pair)):
        row = _T.digest == digest_of(by, value)
        if by not in _SHARED:
            connection.execute(delete(tries).where(row))
            continue
        query = select(_T.count, _T.last, _T.until).where(row).with_for_update()
        found = connection.execute(query).one_or_none()
        if found is not None:
            _keep(connection, digest_of(by, value), forgiven(Tries(*found)))


def forget_account(connection: Connection, name_key: str) -> None:
    """Forget the failures of the account of that name key, wherever they came from: somebody who may has changed it."""
    theirs = or_(_T.whose == digest_of("name", name_key), _T.digest == digest_of(By.ACCOUNT, name_key))
    connection.execute(delete(tries).where(theirs))


def expire(engine: Engine) -> int:
    """Forget what no limit remembers any more; return how many rows."""
    with transaction(engine) as connection:
        old = func.now() - LONGEST_MEMORY - timedelta(hours=1)
        return connection.execute(delete(tries).where(_T.last < old)).rowcount


def _locked(connection: Connection, digest: bytes, whose: bytes | None, now: datetime) -> Tries:
    empty = insert(tries).values(digest=digest, whose=whose, count=0, last=now, until=None)
    connection.execute(empty.on_conflict_do_nothing())
    query = select(_T.count, _T.last, _T.until).where(_T.digest == digest).with_for_update()
    return Tries(*connection.execute(query).one())


def _keep(connection: Connection, digest: bytes, after: Tries) -> None:
    row = {"digest": digest, "count": after.count, "last": after.last, "until": after.until}
    query = insert(tries).values(row)
    same = {name: query.excluded[name] for name in ("count", "last", "until")}
    connection.execute(query.on_conflict_do_update(index_elements=["digest"], set_=same))
