"""Why a study is where it is: its position, the figures behind its key, and what the guard counts of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import reduce
from operator import add

from sqlalchemy import ColumnElement, Connection, and_, func, not_, select, true, tuple_

from triage.domain import priority
from triage.domain.policy import OrderPolicy
from triage.domain.priority import RequestedPriority, Tier
from triage.domain.worklist import Place, WorklistRow
from triage.store.worklist_guard import guarded, lines, overtaken
from triage.store.worklist_policy import newest
from triage.store.worklist_rekey import standing, standing_rows
from triage.store.worklist_sequence import OPEN, ORDER
from triage.store.worklist_tables import worklist_item

_ITEM = worklist_item.c


def place_of(connection: Connection, found: WorklistRow, site: OrderPolicy) -> Place:
    """Return the place of a row under the policy in force; `site` is what the settings say."""
    version = newest(connection, site)
    policy = version.policy
    ahead, ahead_without, waiting = _positions(connection, found, lines(connection, policy))
    query = standing_rows().add_columns(func.now().label("now"))
    stored = connection.execute(query.where(_ITEM.study_id == found.study_id)).mappings().one()
    since, now = found.waits_since, stored["now"]
    return Place(
        row=found,
        position=ahead + 1,
        position_without_result=ahead_without + 1,
        waiting=waiting,
        numbers=priority.numbers(standing(stored, policy), policy),
        overtaken=overtaken(connection, found.requested_priority, since),
        overtaking_limit=policy.limit(found.requested_priority),
        waited_minutes=(now - since).total_seconds() / 60.0,
        staffed_wait_minutes=policy.rota.waited(since, now),
        policy=version,
    )


def _positions(
    connection: Connection, found: WorklistRow, guard: Mapping[str, datetime]
) -> tuple[int, int, int]:
    """Return how many stand before the row, how many would by requested class and arrival alone, and how many wait.

    Each is a sum of counts over ranges of one index, which read no row: a condition of several parts would read all.
    """
    parts = (_ahead(found, guard), _ahead_without_result(found), [true()])
    sums = select(*(reduce(add, map(_count, conditions)) for conditions in parts))
    row = connection.execute(sums).one()
    return int(row[0]), int(row[1]), int(row[2])


def _count(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return select(func.count()).select_from(worklist_item).where(OPEN, condition).scalar_subquery()


def _ahead(found: WorklistRow, guard: Mapping[str, datetime]) -> list[ColumnElement[bool]]:
    """Return conditions that no row meets twice."""
    here = (int(found.tier), found.key, found.arrived_at, found.study_instance_uid)
    before = tuple_(*ORDER) < here
    if found.tier is not Tier.REST or not guard:
        return [before]
    by_class = [guarded({name: line}) for name, line in guard.items()]
    if found.guarded:
        waits = tuple_(_ITEM.waits_since, _ITEM.study_instance_uid)
        older = waits < (found.waits_since, found.study_instance_uid)
        return [_ITEM.tier < Tier.REST, *(and_(one, older) for one in by_class)]
    return [before, *(and_(one, not_(before)) for one in by_class)]


def _ahead_without_result(found: WorklistRow) -> list[ColumnElement[bool]]:
    """Order without any answer: requested priority as ordered, then arrival."""
    rank = {word: number for number, word in enumerate(RequestedPriority)}
    pressing = [word for word in RequestedPriority if rank[word] < rank[found.requested_priority]]
    by_arrival = (found.arrived_at, found.study_instance_uid)
    earlier = tuple_(_ITEM.arrived_at, _ITEM.study_instance_uid) < by_arrival
    same_request = _ITEM.requested_priority == found.requested_priority
    return [*(_ITEM.requested_priority == word for word in pressing), and_(same_request, earlier)]
