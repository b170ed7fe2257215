"""Why a study is where it is: its position, the figures behind its key, and what the guard counts of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, and_, func, or_, select, tuple_

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
    counted = select(
        func.count().filter(_ahead(found, guard)),
        func.count().filter(_ahead_without_result(found)),
        func.count(),
    )
    ahead, ahead_without, waiting = connection.execute(counted.where(OPEN)).one()
    return int(ahead), int(ahead_without), int(waiting)


def _ahead(found: WorklistRow, guard: Mapping[str, datetime]) -> ColumnElement[bool]:
    here = (int(found.tier), found.key, found.arrived_at, found.study_instance_uid)
    before = tuple_(*ORDER) < here
    if found.tier is not Tier.REST or not guard:
        return before
    if found.guarded:
        waits = tuple_(_ITEM.waits_since, _ITEM.study_instance_uid)
        older = waits < (found.waits_since, found.study_instance_uid)
        return or_(_ITEM.tier < Tier.REST, and_(guarded(guard), older))
    return or_(_ITEM.tier < Tier.REST, guarded(guard), before)


def _ahead_without_result(found: WorklistRow) -> ColumnElement[bool]:
    """Order without any answer: requested priority as ordered, then arrival."""
    rank = {word: number for number, word in enumerate(RequestedPriority)}
    pressing = [word for word in RequestedPriority if rank[word] < rank[found.requested_priority]]
    by_arrival = (found.arrived_at, found.study_instance_uid)
    earlier = tuple_(_ITEM.arrived_at, _ITEM.study_instance_uid) < by_arrival
    same_request = _ITEM.requested_priority == found.requested_priority
    return or_(_ITEM.requested_priority.in_(pressing), and_(same_request, earlier))
