"""Notes and labels on a study: each act one transaction with its audit line, and the page is told.

Promises: nothing here moves a row or changes its version; a note that was withdrawn is no longer shown to anybody
and can be brought back; the audit names the note by its number, never by its words.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Engine, ScalarSelect, Select, delete, func, insert, select, update
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.types import Text

from triage.domain.errors import Conflict, NotFound, Refused
from triage.domain.marks import Note, note_text
from triage.store import audit
from triage.store.engine import transaction
from triage.store.reading_tables import note, study_label
from triage.store.worklist_order import touch
from triage.store.worklist_tables import worklist_item

_N, _L = note.c, study_label.c


def write(engine: Engine, study_id: int, reader: str, spoken: str) -> int:
    """Put a note on the study and return its number; raises Refused for one without words, NotFound."""
    words = note_text(spoken)
    made = insert(note).values(study_id=study_id, reader=reader, text=words).returning(_N.id)
    with transaction(engine) as connection:
        _known(connection, study_id)
        number = int(connection.execute(made).scalar_one())
        _told(connection, study_id, reader, "note.write", {"note": number, "letters": len(words)})
    return number


def withdraw(engine: Engine, study_id: int, number: int, reader: str, *, anybodys: bool = False) -> None:
    """Take a note away: one's own, or `anybodys` for a lead; raises NotFound, Refused, Conflict."""
    _stand(engine, study_id, number, reader, anybodys=anybodys, withdrawn=True)


def restore(engine: Engine, study_id: int, number: int, reader: str, *, anybodys: bool = False) -> None:
    """Undo `withdraw`."""
    _stand(engine, study_id, number, reader, anybodys=anybodys, withdrawn=False)


def set_label(engine: Engine, study_id: int, label: str, reader: str) -> None:
    """Put a label on the study; one that is there stays as it is. Raises NotFound."""
    made = upsert(study_label).values(study_id=study_id, label=label, reader=reader).on_conflict_do_nothing()
    with transaction(engine) as connection:
        _known(connection, study_id)
        if connection.execute(made).rowcount:
            _told(connection, study_id, reader, "label.set", {"label": label})


def clear_label(engine: Engine, study_id: int, label: str, reader: str) -> None:
    """Take a label off the study; without it nothing happens."""
    gone = delete(study_label).where(_L.study_id == study_id, _L.label == label)
    with transaction(engine) as connection:
        if connection.execute(gone).rowcount:
            _told(connection, study_id, reader, "label.unset", {"label": label})


def notes_within(connection: Connection, study_id: int) -> tuple[Note, ...]:
    """Return the notes that stand on a study, the oldest first, inside the caller's transaction."""
    query: Select[Any] = select(_N.id, _N.reader, _N.text, _N.at)
    query = query.where(_N.study_id == study_id, _N.withdrawn_at.is_(None)).order_by(_N.id)
    return tuple(Note(**found) for found in connection.execute(query).mappings())


def note_count() -> ScalarSelect[int]:
    """Return how many notes stand on a row of the worklist, as a column."""
    standing = (_N.study_id == worklist_item.c.study_id, _N.withdrawn_at.is_(None))
    return select(func.count()).where(*standing).correlate(worklist_item).scalar_subquery()


def label_list() -> ScalarSelect[Any]:
    """Return the labels of a row of the worklist, as a column; NULL when it has none."""
    every = select(func.array_agg(_L.label, type_=ARRAY(Text)))
    return every.where(_L.study_id == worklist_item.c.study_id).correlate(worklist_item).scalar_subquery()


def _known(connection: Connection, study_id: int) -> None:
    known = select(worklist_item.c.study_id).where(worklist_item.c.study_id == study_id)
    if connection.execute(known).scalar_one_or_none() is None:
        raise NotFound("worklist", f"study {study_id} is not on the worklist")


def _stand(
    engine: Engine, study_id: int, number: int, reader: str, *, anybodys: bool, withdrawn: bool
) -> None:
    found = select(_N.reader, _N.withdrawn_at).where(_N.id == number, _N.study_id == study_id)
    with transaction(engine) as connection:
        held = connection.execute(found.with_for_update()).one_or_none()
        if held is None:
            raise NotFound("note", "there is no such note on this study")
        if held.reader != reader and not anybodys:
            raise Refused("note", f"The note is {held.reader}'s. Ask them, or a lead.")
        if (held.withdrawn_at is not None) == withdrawn:
            raise Conflict(
                "note", "the note was withdrawn already" if withdrawn else "the note stands already"
            )
        at = func.now() if withdrawn else None
        connection.execute(update(note).where(_N.id == number).values(withdrawn_at=at))
        _told(
            connection, study_id, reader, f"note.{'withdraw' if withdrawn else 'restore'}", {"note": number}
        )


def _told(connection: Connection, study_id: int, reader: str, action: str, detail: dict[str, Any]) -> None:
    audit.record(connection, reader, action, f"study:{study_id}", study_id=study_id, detail=detail)
    touch(connection, study_id)
