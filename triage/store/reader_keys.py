"""The keys that each reader chose; a reader without a row has the usual ones."""

from __future__ import annotations

from sqlalchemy import Connection, Engine, delete, func, select
from sqlalchemy.dialects.postgresql import insert

from triage.domain.keymap import Keymap, kept
from triage.store import reading_tables
from triage.store.engine import transaction

_KEYS = reading_tables.reader_keys


def within(connection: Connection, reader: str) -> Keymap:
    """Return the reader's keys inside the caller's transaction."""
    found = connection.execute(select(_KEYS.c.keymap).where(_KEYS.c.reader == reader)).scalar_one_or_none()
    return kept(found or {})


def choose(engine: Engine, reader: str, keymap: Keymap) -> None:
    """Remember the reader's keys; the usual ones leave no row."""
    changed = dict(keymap.changed)
    with transaction(engine) as connection:
        if not changed:
            connection.execute(delete(_KEYS).where(_KEYS.c.reader == reader))
            return
        connection.execute(
            insert(_KEYS)
            .values(reader=reader, keymap=changed)
            .on_conflict_do_update(
                index_elements=["reader"], set_={"keymap": changed, "changed_at": func.now()}
            )
        )
