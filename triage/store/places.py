"""Where an account signed in from. Known for a quarter of a year; whoever changes offices is a stranger once.

A place lets nobody in: it only keeps guesses that come from elsewhere from slowing down its person.
"""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import Connection, Engine, delete, exists, func, select
from sqlalchemy.dialects.postgresql import insert

from triage.store.account_tables import session, sign_in_place
from triage.store.engine import transaction

_P = sign_in_place.c
KNOWN_FOR = timedelta(days=90)
NOBODYS = 0  # no account has that id


def familiar(engine: Engine, account_id: int, place: str, session_digest: bytes) -> tuple[bool, bool]:
    """Return whether the account signed in from that place before, and whether that session is its own.

    Asked of names that nobody has as well (NOBODYS): the work is the same.
    """
    here = exists().where(_P.account_id == account_id, _P.place == place, _P.last_at > func.now() - KNOWN_FOR)
    own = exists().where(session.c.digest == session_digest, session.c.account_id == account_id)
    with transaction(engine) as connection:
        known, theirs = connection.execute(select(here, own)).one()
    return bool(known), bool(theirs)


def remember(connection: Connection, account_id: int, place: str) -> None:
    """Remember that the account signed in from there, inside the transaction that signs in."""
    row = insert(sign_in_place).values(account_id=account_id, place=place)
    again = row.on_conflict_do_update(index_elements=["account_id", "place"], set_={"last_at": func.now()})
    connection.execute(again)


def expire(engine: Engine) -> int:
    """Forget places where nobody signed in for long; return how many."""
    with transaction(engine) as connection:
        return connection.execute(delete(sign_in_place).where(_P.last_at < func.now() - KNOWN_FOR)).rowcount
