"""What the list is for one reader beside what it is for all: columns, keys, views, skips, how many studies they hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine, func, select

from triage.domain.keymap import Keymap
from triage.domain.reading import USUAL_COLUMNS, Column, SavedView
from triage.domain.worklist import WorklistState
from triage.store import reader_keys, saved_views, skips
from triage.store.engine import transaction
from triage.store.worklist_tables import worklist_item

_ITEM = worklist_item.c


@dataclass(frozen=True, slots=True)
class ReaderSide:
    """One reader's own part of the page."""

    columns: tuple[Column, ...]
    views: Sequence[SavedView]
    skipped: Mapping[int, datetime]
    mine: int
    keymap: Keymap


NOBODYS = ReaderSide(USUAL_COLUMNS, (), {}, 0, Keymap())


def of_reader(engine: Engine, reader: str) -> ReaderSide:
    """Return it in one transaction: a page is asked for at every change."""
    held = _ITEM.state == WorklistState.IN_PROGRESS, _ITEM.claimed_by == reader
    with transaction(engine) as connection:
        return ReaderSide(
            saved_views.columns_within(connection, reader),
            saved_views.views_within(connection, reader),
            skips.within(connection, reader),
            int(connection.execute(select(func.count()).where(*held)).scalar_one()),
            reader_keys.within(connection, reader),
        )
