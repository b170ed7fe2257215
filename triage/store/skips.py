"""Studies that one reader passes over for a while: theirs alone, the study stays where it stands for all.

Skipping is counted (the audit has each one), because picking easy studies is a known harm.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Engine, delete, exists, func, select
from sqlalchemy.dialects.postgresql import insert

from triage.domain.errors import NotFound
from triage.domain.reading import SKIP_MINUTES
from triage.store import audit
from triage.store.engine import transaction
from triage.store.intervals import seconds
from triage.store.reading_tables import skip
from triage.store.worklist_tables import worklist_item

_S = skip.c


def skip_study(engine: Engine, study_id: int, reader: str, minutes: float = SKIP_MINUTES) -> None:
    """Let the reader's "next" pass over the study for so long; raises NotFound."""
    until = func.now() + seconds(minutes * 60)
    known = select(worklist_item.c.study_id).where(worklist_item.c.study_id == study_id)
    with transaction(engine) as connection:
        if connection.execute(known).scalar_one_or_none() is None:
            raise NotFound("worklist", f"study {study_id} is not on the worklist")
        connection.execute(delete(skip).where(_S.until < func.now()))
        connection.execute(
            insert(skip)
            .values(study_id=study_id, reader=reader, until=until)
            .on_conflict_do_update(index_elements=["study_id", "reader"], set_={"until": until})
        )
        detail = {"minutes": minutes}
        audit.record(
            connection, reader, "worklist.skip", f"study:{study_id}", study_id=study_id, detail=detail
        )


def unskip(engine: Engine, study_id: int, reader: str) -> None:
    """End the reader's skip; without one nothing happens."""
    with transaction(engine) as connection:
        gone = connection.execute(delete(skip).where(_S.study_id == study_id, _S.reader == reader))
        if gone.rowcount:
            audit.record(connection, reader, "worklist.unskip", f"study:{study_id}", study_id=study_id)


def within(connection: Connection, reader: str) -> dict[int, datetime]:
    """Return what the reader skips now, and until when, inside the caller's transaction."""
    query = select(_S.study_id, _S.until).where(_S.reader == reader, _S.until > func.now())
    return {int(study_id): until for study_id, until in connection.execute(query)}


def not_skipped_by(reader: str) -> ColumnElement[bool]:
    """Return the condition under which a row of the worklist may be this reader's next."""
    skipped = exists().where(
        _S.study_id == worklist_item.c.study_id, _S.reader == reader, _S.until > func.now()
    )
    return ~skipped
