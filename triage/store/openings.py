"""Opening a study in a viewer: the identifiers the viewer's address needs, and the audit line of who did."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Engine, select

from triage.domain.errors import NotFound
from triage.store import audit
from triage.store.engine import transaction
from triage.store.tables import study


@dataclass(frozen=True, slots=True)
class Opened:
    """What a viewer finds a study by."""

    study_instance_uid: str
    accession_number: str


def opened(engine: Engine, study_id: int, reader: str, viewer: str) -> Opened:
    """Remember that the reader opens the study in that viewer; raises NotFound."""
    query = select(study.c.study_instance_uid, study.c.accession_number).where(study.c.id == study_id)
    with transaction(engine) as connection:
        found = connection.execute(query).one_or_none()
        if found is None:
            raise NotFound("worklist", f"study {study_id} is not on the worklist")
        subject = f"study:{study_id}"
        detail = {"viewer": viewer}
        audit.record(connection, reader, "study.open", subject, study_id=study_id, detail=detail)
    return Opened(found.study_instance_uid, found.accession_number)
