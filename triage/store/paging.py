"""What follows a row of the list: pages by the last row that was seen, so that a moving list skips and repeats nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, and_, or_, select, true, tuple_

from triage.domain.worklist import Tab
from triage.store.tables import worklist_item

_ITEM = worklist_item.c


def following(tab: Tab, order: Sequence[ColumnElement[Any]], after: int | None) -> ColumnElement[bool]:
    """Return the condition of the rows behind study `after`, by where that one stands now; a study that is gone has none.

    `order` is what the tab is ordered by; rows of the tab "read" stand by completion, those of "all" by arrival, the latest first.
    """
    if after is None:
        return true()
    if tab is Tab.READ:
        done = select(_ITEM.completed_at).where(_ITEM.study_id == after).scalar_subquery()
        return or_(_ITEM.completed_at < done, and_(_ITEM.completed_at == done, _ITEM.study_id < after))
    if tab is Tab.ALL:
        return _ITEM.study_id < after
    anchor = worklist_item.alias("anchor")
    # Column by column: Postgres compares rows lexicographically, and the index serves it.
    names = [str(getattr(column, "name", "")) for column in order]
    place = select(*(anchor.c[name] for name in names)).where(anchor.c.study_id == after).scalar_subquery()
    return tuple_(*order) > place
