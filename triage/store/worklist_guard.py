"""The guard in the database: the line behind which studies were overtaken too often, and who opened what.

The line of a class is the K-th youngest arrival among the openings of its own and the less pressing classes
(see domain.overtaking): one look at an index, never a counter on a waiting row. Openings come one after the
other (a lock of their own), so two readers cannot each take the last overtaking that was left.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    CTE,
    ColumnElement,
    Connection,
    Engine,
    RowMapping,
    ScalarSelect,
    Select,
    Text,
    and_,
    cast,
    desc,
    false,
    func,
    literal,
    or_,
    select,
    true,
    union_all,
)
from sqlalchemy.dialects.postgresql import ARRAY, insert

from triage.domain import overtaking
from triage.domain.overtaking import GuardShare
from triage.domain.policy import OrderPolicy
from triage.domain.priority import Tier
from triage.domain.worklist import WorklistState
from triage.store.engine import transaction
from triage.store.worklist_tables import worklist_item, worklist_opening

_ITEM, _O = worklist_item.c, worklist_opening.c
_LOCK = 0x5350_0002
MOST_COUNTED = 1000
_COUNTS = and_(_O.tier == Tier.REST, _O.counts)


def one_at_a_time(connection: Connection) -> None:
    """Let no other opening happen before this transaction ends; taken before the row's lock."""
    connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))


def lines(connection: Connection, policy: OrderPolicy) -> dict[str, datetime]:
    """Return, by requested class, the moment before which arrivals are guarded; classes without are left out."""
    limits = overtaking.limits(policy)
    if not limits:
        return {}
    found = connection.execute(_nth_of_each(tuple(limits.items()))).mappings().one()
    return {name: line for name, line in found.items() if line is not None}


@lru_cache(maxsize=8)
def _nth_of_each(limits: tuple[tuple[str, int], ...]) -> Select[Any]:
    youngest = _youngest([name for name, _ in limits], max(k for _, k in limits))
    return select(*(_nth(youngest, name, k).label(name) for name, k in limits))


def _youngest(names: Sequence[str], most: int) -> CTE:
    """Return the youngest arrivals opened, class by class, as many as any line can ask for."""
    named = sorted({str(one) for name in names for one in overtaking.overtakers(name)})
    classes = func.unnest(cast(named, ARRAY(Text))).table_valued("requested", name="class").render_derived()
    opened = (
        select(_O.waits_since)
        .where(_COUNTS, _O.requested_priority == classes.c.requested)
        .order_by(desc(_O.waits_since))
        .limit(most)
        .lateral("opened")
    )
    together = select(classes.c.requested, opened.c.waits_since).select_from(classes.join(opened, true()))
    return together.cte("youngest")


def _nth(youngest: CTE, requested: str, limit: int) -> ScalarSelect[Any]:
    return (
        select(youngest.c.waits_since)
        .where(youngest.c.requested.in_(overtaking.overtakers(requested)))
        .order_by(desc(youngest.c.waits_since))
        .offset(limit - 1)
        .limit(1)
        .scalar_subquery()
    )


def guarded(guard: Mapping[str, datetime]) -> ColumnElement[bool]:
    """Return the condition under which a row of the worklist stands in the guarded tier."""
    classes = [and_(_ITEM.requested_priority == name, _ITEM.waits_since < at) for name, at in guard.items()]
    return and_(_ITEM.tier == Tier.REST, or_(false(), *classes))


def is_guarded(row: Mapping[str, Any] | RowMapping, guard: Mapping[str, datetime]) -> bool:
    """Tell the same of a row that was read."""
    line = guard.get(row["requested_priority"])
    return row["tier"] == Tier.REST and line is not None and row["waits_since"] < line


def overtaken(connection: Connection, requested: str, waits_since: datetime, most: int = MOST_COUNTED) -> int:
    """Return how often a study of the class that waits since then was overtaken, counted up to `most`."""
    able = _O.requested_priority.in_(overtaking.overtakers(requested))
    younger = select(literal(1)).where(_COUNTS, able, _O.waits_since > waits_since).limit(most).subquery()
    return int(connection.execute(select(func.count()).select_from(younger)).scalar_one())


def record_opening(
    connection: Connection, row: RowMapping, reader: str, policy: OrderPolicy, *, offered: bool
) -> None:
    """Remember the first opening of this wait, whether the guard had put it first, and past how many it went.

    `row` is the row as it was before it was opened.
    """
    known: dict[str, Any] = {
        "study_id": row["study_id"],
        "waits_since": row["waits_since"],
        "reader": reader,
        "requested_priority": row["requested_priority"],
        "tier": row["tier"],
        "offered": offered,
        # What a clock that ran ahead stamped would stay younger than all that comes, and guard the whole list.
        "counts": and_(literal(overtaking.counts(policy)), func.clock_timestamp() >= row["waits_since"]),
        "promoted": is_guarded(row, lines(connection, policy)),
        "past": _past(row),
    }
    connection.execute(insert(worklist_opening).values(known).on_conflict_do_nothing())


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
        for requested in overtaking.overtaken_by(row["requested_priority"])
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
