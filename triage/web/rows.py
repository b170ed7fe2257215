"""The rows of the list as markup, kept for the readers who see the same: a change makes a hundred pages ask.

Promise: what is kept is keyed by everything that shows in it, the whole row and the minute included, so a
kept row is never another one's and never older than its wait. It lives in this process's memory alone.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from markupsafe import Markup

from triage.domain.reading import Column
from triage.domain.worklist import Tab, WorklistRow
from triage.web.place import Where

MOST_ROWS = 4096


@dataclass(frozen=True, slots=True)
class Seen:
    """Everything beside the row itself that its markup depends on."""

    tab: Tab
    q: str
    opened: bool
    columns: tuple[Column, ...]
    private: bool
    mine: bool
    may_claim: bool
    may_reopen: bool
    skipped_until: datetime | None
    today: date
    minute: int

    def address_of(self, row: WorklistRow) -> str:
        """Return where the row's study is open beside the list."""
        return Where(self.tab, row.study_id, self.q).address


class RowCache:
    """The most recently shown rows; safe to use from every thread of the process."""

    def __init__(self, most: int = MOST_ROWS) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[WorklistRow, Seen], Markup] = OrderedDict()

    def markup(self, row: WorklistRow, seen: Seen, render: Callable[[], Any]) -> Markup:
        """Return the row's markup, rendered now unless somebody has just seen the same."""
        key = (row, seen)
        with self._lock:
            found = self._kept.get(key)
            if found is not None:
                self._kept.move_to_end(key)
                return found
        made = Markup(render())  # it comes from an autoescaping template
        with self._lock:
            self._kept[key] = made
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)
        return made
