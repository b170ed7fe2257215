"""The guard in the database: the line behind which studies were overtaken too often, and who opened what.

The line of a class is the K-th youngest arrival among the openings (see domain.overtaking): one look at
an index, never a counter on a waiting row. Openings come one after the other (a lock of their own), so
two readers cannot each take the last overtaking that was left.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    RowMapping,
    and_,
    desc,
    false,
    func,
    or_,
    select,
    union_all,
)
from sqlalchemy.dialects.postgresql import insert

from triage.domain import overtaking
from triage.domain.overtaking import GuardShare
from triage.domain.policy import OrderPolicy
from triage.domain.priority import RequestedPriority, Tier
from triage.domain.worklist import WorklistState
from triage.store.engine import transaction
from triage.store.worklist_tables import worklist_item, worklist_opening

_ITEM, _O = worklist_item.c, worklist_opening.c
_LOCK = 0x5350_0002
MOST_COUNTED = 1000
_COUNTS = _O.tier == Tier.REST


def one_at_a_time(connection: Connection) -> None:
    """Let no other opening happen before this transaction ends; taken before the row's lock."""
    connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))


def lines(connection: Connection, policy: OrderPolicy) -> dict[str, datetime]:
    """Return, by requested class, the moment before which arrivals are guarded; classes without are left out."""
    limits = overtaking.limits(policy)
    if not limits:
        return {}
    nth = {
        k: select(_O.waits_since)
        .where(_COUNTS)
        .order_by(desc(_O.waits_since))
        .offset(k - 1)
        .limit(1)
        .scalar_subquery()
        .label(f"k{k}")
        for k in sorted(set(limits.values()))
    }
    found = connection.execute(select(*nth.values())).mappings().one()
    return {name: found[f"k{k}"] for name, k in limits.items() if found[f"k{k}"] is not None}


def guarded(guard: Mapping[str, datetime]) -> ColumnElement[bool]:
    """Return the condition under which a row of the worklist stands in the guarded tier."""
    classes = [and_(_ITEM.requested_priority == name, _ITEM.waits_since < at) for name, at in guard.items()]
    return and_(_ITEM.tier == Tier.REST, or_(false(), *classes))


def is_guarded(row: Mapping[str, Any] | RowMapping, guard: Mapping[str, datetime]) -> bool:
    """Tell the same of a row that was read."""
    line = guard.get(row["requested_priority"])
    return row["tier"] == Tier.REST and line is not None and row["waits_since"] < line


def overtaken(connection: Connection, waits_since: datetime, most: int = MOST_COUNTED) -> int:
    """Return how many younger studies were opened, counted up to `most`."""
    younger = select(_O.id).where(_COUNTS, _O.waits_since > waits_since).limit(most).subquery()
    return int(connection.execute(select(func.count()).select_from(younger)).scalar_one())


def record_opening(
    connection: Connection, row: RowMapping, reader: str, policy: OrderPolicy, *, offered: bool
) -> None:
    """Remember the first opening of this wait, whether the guard had put it first, and past how many it went.

    `row` is the row as it was before it was opened.
    """
    values: dict[str, Any] = {
        "study_id": row["study_id"],
        "waits_since": row["waits_since"],
        "reader": reader,
        "requested_priority": row["requested_priority"],
        "tier": row["tier"],
        "offered": offered,
        "promoted": is_guarded(row, lines(connection, policy)),
        "past": _past(row),
    }
    connection.execute(insert(worklist_opening).values(values).on_conflict_do_nothing())


def _past(row: RowMapping) -> Any:
    # Class by class: each is a range of the guard's index, read no further than the most that is counted.
    older = [
        select(_ITEM.study_id)
        .where(
            _ITEM.tier == Tier.REST,
            _ITEM.state.in_([WorklistState.SCHEDULED, WorklistState.IN_PROGRESS]),
            _ITEM.state == WorklistState.SCHEDULED,
            _ITEM.requested_priority == requested,
            _ITEM.waits_since < row["waits_since"],
        )
        .order_by(_ITEM.waits_since)
        .limit(MOST_COUNTED)
        .subquery()
        for requested in RequestedPriority
    ]
    some = union_all(*(select(one) for one in older)).limit(MOST_COUNTED).subquery()
    return select(func.count()).select_from(some).scalar_subquery()


def share(engine: Engine, last: int = overtaking.ALARM_WINDOW) -> GuardShare:
    """Return how many of the last openings the guard had promoted."""
    latest = select(_O.promoted).order_by(desc(_O.id)).limit(last).subquery()
    query = select(func.count(), func.count().filter(latest.c.promoted))
    with transaction(engine) as connection:
        openings, promoted = connection.execute(query).one()
    return GuardShare(int(openings), int(promoted))
