"""Images chosen out of the spool, for a dataset: which there are by a query, never what is in them.

Promise: who asked, with what query and for how many images, is audited in the same transaction.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine, select

from triage.store import audit
from triage.store.engine import transaction
from triage.store.tables import instance


@dataclass(frozen=True, slots=True)
class ImageQuery:
    """What to look for; an empty part asks for everything. `since` and `until` bound the arrival."""

    modalities: tuple[str, ...] = ()
    body_parts: tuple[str, ...] = ()
    since: datetime | None = None
    until: datetime | None = None
    limit: int = 100_000


def choose(engine: Engine, query: ImageQuery, actor: str) -> list[str]:
    """Return the spool names of current images, oldest first; our own results are not among them."""
    wanted = select(instance.c.spool_name).where(
        instance.c.current, ~instance.c.own_result, instance.c.rows.is_not(None)
    )
    if query.modalities:
        wanted = wanted.where(instance.c.modality.in_(query.modalities))
    if query.body_parts:
        wanted = wanted.where(instance.c.body_part.in_(query.body_parts))
    if query.since:
        wanted = wanted.where(instance.c.arrived_at >= query.since)
    if query.until:
        wanted = wanted.where(instance.c.arrived_at < query.until)
    with transaction(engine) as connection:
        names = list(connection.execute(wanted.order_by(instance.c.id).limit(query.limit)).scalars())
        detail = {
            "modalities": list(query.modalities),
            "body_parts": list(query.body_parts),
            "since": query.since.isoformat() if query.since else None,
            "until": query.until.isoformat() if query.until else None,
            "images": len(names),
        }
        audit.record(connection, actor, "choose-images", "dataset", detail=detail)
    return names
