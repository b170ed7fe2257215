"""What follows a page of the list: it goes on behind the place where its last row stood, wherever that row is now.

A list moves while it is read. The last row of a page may be read, moved down or moved up before the next page is
asked for; what stood behind it then is what follows. Rows that themselves move past that place meanwhile are
repeated or passed over: whoever wants the list as it is now begins anew.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, and_, or_, select

from triage.domain.errors import Unprocessable
from triage.domain.priority import Tier
from triage.domain.worklist import Tab, WorklistRow
from triage.store.tables import study
from triage.store.worklist_sequence import GUARDED, REST, Anchor
from triage.store.worklist_tables import worklist_item

_ITEM = worklist_item.c


@dataclass(frozen=True, slots=True)
class PageEnd:
    """The last row of a page and where it stood: its part of the order, and what the part is sorted by.

    In the tab "read" `moment` is the completion; in "all" the row's number alone counts.
    """

    tab: Tab
    study_id: int
    moment: datetime
    part: int = REST
    key: float = 0.0


def page_end(tab: Tab, row: WorklistRow) -> PageEnd:
    """Return where a page of the tab ends whose last row is `row`."""
    if tab in (Tab.READ, Tab.ALL):
        return PageEnd(tab, row.study_id, row.completed_at or row.arrived_at)
    if row.guarded:
        return PageEnd(tab, row.study_id, row.waits_since, GUARDED)
    part = int(row.tier) if row.tier < Tier.REST else REST
    return PageEnd(tab, row.study_id, row.arrived_at, part, row.key)


def following(after: PageEnd) -> ColumnElement[bool]:
    """Return the condition of the rows behind a page's end in a tab that stands the latest first.

    Rows of the tab "read" stand by completion, those of "all" by arrival.
    """
    if after.tab is Tab.READ:
        same = and_(_ITEM.completed_at == after.moment, _ITEM.study_id < after.study_id)
        return or_(_ITEM.completed_at < after.moment, same)
    return _ITEM.study_id < after.study_id


def behind(connection: Connection, after: PageEnd) -> Anchor:
    """Return the place in the order of the open rows behind which the next page begins."""
    name = select(study.c.study_instance_uid).where(study.c.id == after.study_id)
    # A study that is gone: of those that share its place to the microsecond, all follow.
    uid = connection.execute(name).scalar_one_or_none() or ""
    return Anchor(after.part, after.key, after.moment, uid)


def demand_of(tab: Tab, after: PageEnd | None) -> None:
    """Refuse a page's end that is of another tab."""
    if after is not None and after.tab is not tab:
        raise Unprocessable("after", f"that page was of the tab {after.tab}: begin again without `after`")
