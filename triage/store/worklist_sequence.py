"""The one order of the list, as a query: pinned, STAT, guarded by arrival, the rest by key.

The page, `next` and the command line all read from here, so they cannot disagree. Each part is an index
scan that stops at the limit; the parts are few, the result is exact. The guarded come out of their own
index by class, and the rest is only read as far as the parts before it left room.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    CTE,
    ColumnElement,
    Select,
    Subquery,
    and_,
    false,
    func,
    literal,
    not_,
    select,
    true,
    tuple_,
    union_all,
)
from sqlalchemy.types import Double

from triage.domain.priority import Tier
from triage.domain.worklist import WorklistState
from triage.store.tables import study
from triage.store.worklist_guard import guarded
from triage.store.worklist_tables import worklist_item

_ITEM = worklist_item.c
OPEN = _ITEM.state.in_([WorklistState.SCHEDULED, WorklistState.IN_PROGRESS])
ORDER = (_ITEM.tier, _ITEM.key, _ITEM.arrived_at, _ITEM.study_instance_uid)
# Where the parts stand: pinned and STAT as their tiers, then the guarded, then the rest.
GUARDED, REST = 2, 3
_PLACE = ("part", "by_key", "by_time", "by_uid")


@dataclass(frozen=True, slots=True)
class Anchor:
    """A place in the order: its part and what the part is sorted by."""

    part: int
    key: float
    moment: datetime
    study_instance_uid: str

    def behind(self, part: int, *order: ColumnElement[Any]) -> ColumnElement[bool]:
        """Return the condition of the rows of a part that stand behind this place."""
        if part != self.part:
            return true() if part > self.part else false()
        return tuple_(*order) > _full(self)[-len(order) :]


def sequence(
    guard: Mapping[str, datetime],
    limit: int,
    *conditions: ColumnElement[bool],
    with_study: bool = False,
    anchor: Anchor | None = None,
) -> CTE:
    """Return the first `limit` open rows that meet the conditions: study_id and the columns of `places`.

    `with_study`: the conditions speak of the study's own row as well. `anchor`: only what stands behind it.
    """
    where = (OPEN, *conditions)
    person = _ITEM.tier < Tier.REST
    if anchor is not None:
        person = and_(person, tuple_(*ORDER) > _full(anchor) if anchor.part < GUARDED else false())
    first = _part(_ITEM.tier, _ITEM.key, _ITEM.arrived_at, where=(*where, person), by=ORDER)
    parts = [_limited(first, limit, with_study)]
    for name, line in guard.items():
        waits = (_ITEM.waits_since, _ITEM.study_instance_uid)
        old = [_ITEM.tier == Tier.REST, _ITEM.requested_priority == name, _ITEM.waits_since < line]
        old += [anchor.behind(GUARDED, *waits)] if anchor else []
        part = _part(
            literal(GUARDED), literal(0.0, Double), _ITEM.waits_since, where=(*where, *old), by=waits
        )
        parts.append(_limited(part, limit, with_study))
    ahead = _first(parts, limit)
    others = [_ITEM.tier == Tier.REST, *([not_(guarded(guard))] if guard else [])]
    others += [anchor.behind(REST, *ORDER[1:])] if anchor else []
    rest = _part(literal(REST), _ITEM.key, _ITEM.arrived_at, where=(*where, *others), by=ORDER)
    room = literal(limit) - select(func.count()).select_from(ahead).scalar_subquery()
    last = _limited(rest, room, with_study)
    return union_all(select(ahead), select(last)).cte("sequence")


def _full(anchor: Anchor) -> tuple[Any, ...]:
    return anchor.part, anchor.key, anchor.moment, anchor.study_instance_uid


def places(rows: CTE) -> Sequence[ColumnElement[Any]]:
    """Return what the rows of `sequence` are to be sorted by."""
    return [rows.c[name] for name in _PLACE]


def _part(
    part: ColumnElement[Any],
    key: ColumnElement[Any],
    moment: ColumnElement[Any],
    *,
    where: Sequence[ColumnElement[bool]],
    by: Sequence[ColumnElement[Any]],
) -> Select[Any]:
    return (
        select(
            _ITEM.study_id,
            part.label("part"),
            key.label("by_key"),
            moment.label("by_time"),
            _ITEM.study_instance_uid.label("by_uid"),
        )
        .where(*where)
        .order_by(*by)
    )


def _limited(part: Select[Any], limit: Any, with_study: bool) -> Subquery:
    if with_study:
        part = part.join(study, study.c.id == _ITEM.study_id)
    return part.limit(limit).subquery()


def _first(parts: Sequence[Subquery], limit: int) -> CTE:
    together = parts[0] if len(parts) == 1 else union_all(*(select(part) for part in parts)).subquery()
    ordered = select(together).order_by(*(together.c[name] for name in _PLACE)).limit(limit)
    return ordered.cte("ahead")
