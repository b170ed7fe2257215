"""What a list is narrowed to, kept here under an opaque id: an address names the id, never a patient.

A query belongs to the reader who made it and is forgotten after a shift, because its text is patient data.
"""

from __future__ import annotations

import secrets
from dataclasses import asdict
from typing import Any

from sqlalchemy import Engine, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert

from triage.domain.reading import Filters, FlagFilter, StoredQuery
from triage.store.engine import transaction
from triage.store.reading_tables import stored_query

KEPT_HOURS = 12
_Q = stored_query.c


def keep(engine: Engine, reader: str, filters: Filters, token: str = "") -> StoredQuery:
    """Keep filters under a fresh id, or under `token` where it is this reader's own; old ones are dropped."""
    told = filters_json(filters)
    with transaction(engine) as connection:
        connection.execute(delete(stored_query).where(_Q.used_at < _earlier()))
        own = update(stored_query).where(_Q.token == token, _Q.reader == reader)
        renewed = connection.execute(own.values(filters=told, used_at=func.now()))
        if not renewed.rowcount:
            token = secrets.token_urlsafe(12)
            connection.execute(insert(stored_query).values(token=token, reader=reader, filters=told))
    return StoredQuery(token, filters)


def find(engine: Engine, reader: str, token: str) -> StoredQuery | None:
    """Return the reader's own query of that id, None when it is forgotten or somebody else's."""
    wanted = select(_Q.filters).where(_Q.token == token, _Q.reader == reader, _Q.used_at >= _earlier())
    with transaction(engine) as connection:
        told = connection.execute(wanted).scalar_one_or_none()
    return None if told is None else StoredQuery(token, filters_of(told))


def expire(engine: Engine) -> int:
    """Forget the queries of past shifts, also where nobody searches again; return how many."""
    with transaction(engine) as connection:
        return connection.execute(delete(stored_query).where(_Q.used_at < _earlier())).rowcount


def filters_json(filters: Filters) -> dict[str, Any]:
    """Return plain JSON types only."""
    return asdict(filters)


def filters_of(told: dict[str, Any]) -> Filters:
    """Rebuild from `filters_json`."""
    return Filters(told["text"], told["modality"], told["source"], FlagFilter(told["flag"]))


def _earlier() -> Any:
    return func.now() - func.make_interval(0, 0, 0, 0, KEPT_HOURS)
