"""A clock that ran ahead, set right: what it stamped in the future arrives now.

A study with an arrival in the future would stand behind all that comes until then, would not be closed and not be
handed out. Its stamps become the moment at which that is seen; the audit keeps the old one.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, and_, func, or_, select, update

from triage.domain.policy import OrderPolicy
from triage.store import audit
from triage.store.engine import transaction
from triage.store.intervals import seconds
from triage.store.tables import study
from triage.store.worklist_order import reposition
from triage.store.worklist_policy import in_force
from triage.store.worklist_sequence import OPEN
from triage.store.worklist_tables import worklist_item

_ITEM = worklist_item.c
# Two machines' clocks never agree to the second.
TOLERATED_SECONDS = 60
MOST_AT_ONCE = 200


def arrive_now(engine: Engine, site: OrderPolicy) -> int:
    """Give studies that are stamped in the future the present moment; return how many stand elsewhere now."""
    stamps = (study.c.last_arrival, study.c.opened_at)
    late = {column.name: _at_most_now(column) for column in stamps}
    waiting = select(_ITEM.study_id, _ITEM.arrived_at).where(
        OPEN, or_(_ahead(_ITEM.arrived_at), _ahead(_ITEM.waits_since))
    )
    # A transaction of its own: whoever registers an image holds the study's row before it asks for the policy.
    with transaction(engine) as connection:
        ahead = and_(study.c.state == "receiving", or_(*map(_ahead, stamps)))
        connection.execute(update(study).where(ahead).values(late))
    with transaction(engine) as connection:
        policy = in_force(connection, site).policy
        found = connection.execute(waiting.limit(MOST_AT_ONCE).with_for_update(skip_locked=True)).all()
        for study_id, stamped in found:
            _arrives(connection, study_id, stamped.isoformat(), policy)
    return len(found)


def _arrives(connection: Connection, study_id: int, stamped: str, policy: OrderPolicy) -> None:
    names = ("arrived_at", "waits_since")
    values = {name: _at_most_now(_ITEM[name]) for name in names}
    connection.execute(update(worklist_item).where(_ITEM.study_id == study_id).values(values))
    reposition(connection, study_id, policy)
    told = {"stamped": stamped}
    audit.record(
        connection, audit.SYSTEM, "worklist.clock", f"study:{study_id}", study_id=study_id, detail=told
    )


def _ahead(column: ColumnElement[Any]) -> ColumnElement[bool]:
    return column > func.now() + seconds(TOLERATED_SECONDS)


def _at_most_now(column: ColumnElement[Any]) -> ColumnElement[Any]:
    return func.least(column, func.now())
