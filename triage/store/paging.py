"""What follows a row of the list: pages by the last row that was seen, so that a moving list skips and repeats nothing."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, and_, or_, select, true

from triage.domain.priority import Tier
from triage.domain.worklist import Tab
from triage.store.worklist_guard import is_guarded
from triage.store.worklist_sequence import GUARDED, NOWHERE, ORDER, REST, Anchor
from triage.store.worklist_tables import worklist_item

_ITEM = worklist_item.c


def following(tab: Tab, after: int | None) -> ColumnElement[bool]:
    """Return the condition of the rows behind study `after` in a tab that stands the latest first.

    Rows of the tab "read" stand by completion, those of "all" by arrival.
    """
    if after is None:
        return true()
    if tab is Tab.READ:
        done = select(_ITEM.completed_at).where(_ITEM.study_id == after).scalar_subquery()
        return or_(_ITEM.completed_at < done, and_(_ITEM.completed_at == done, _ITEM.study_id < after))
    return _ITEM.study_id < after


def behind(connection: Connection, after: int, guard: Mapping[str, datetime]) -> Anchor:
    """Return where study `after` stands now in the order of the open rows; behind one that is gone is nothing."""
    columns = (*ORDER, _ITEM.requested_priority, _ITEM.waits_since)
    found = connection.execute(select(*columns).where(_ITEM.study_id == after)).mappings().one_or_none()
    if found is None:
        return NOWHERE
    if is_guarded(found, guard):
        return Anchor(GUARDED, 0.0, found["waits_since"], found["study_instance_uid"])
    part = found["tier"] if found["tier"] < Tier.REST else REST
    return Anchor(part, found["key"], found["arrived_at"], found["study_instance_uid"])
