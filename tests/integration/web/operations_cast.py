"""The cast of the operations page: failures, a refused delivery, a day with answers and openings."""

from __future__ import annotations

from sqlalchemy import Engine, text

from tests import worklist_cast as cast
from triage.domain.closing import ClosingReason
from triage.store import analyses, evidence, presence, studies, worklist
from triage.store.engine import transaction


def failed(engine: Engine, name: str, reason: str) -> int:
    """Let the analysis of a new study fail for good; return the study's row id."""
    study_id = cast.image_arrives(engine, name)
    for seen in studies.receiving(engine):
        if seen.study_id == study_id:
            studies.close(engine, seen, ClosingReason.QUIET_PERIOD, cast.POLICY)
    with transaction(engine) as connection:
        query = text("SELECT id FROM analysis WHERE study_id = :id AND state = 'queued'")
        analysis_id = int(connection.execute(query, {"id": study_id}).scalar_one())
    lease = analyses.start(engine, analysis_id, "worker-0", cast.POLICY, lease_seconds=60, max_attempts=1)
    analyses.fail(
        engine, lease, reason, "a sentence that names nobody", cast.POLICY, retry=False, max_attempts=1
    )
    return study_id


def busy_day(engine: Engine) -> None:
    """Fill every part of the page."""
    presence.seen(engine, "closer-0@here", "closer")
    failed(engine, "broken", "timeout")
    first, second = (cast.image_arrives(engine, name, waited_minutes=40) for name in ("one", "two"))
    cast.analysed(engine, first, cast.flagged())
    cast.analysed(engine, second, cast.not_flagged())
    evidence.refused(engine, evidence.list_deliveries(engine)[0].id, 0xA700, "SENTINEL^NAME is unknown")
    worklist.claim(engine, first, "Dr B")
    waiting = cast.image_arrives(engine, "three", requested="STAT")
    cast.closed(engine, waiting)


def read_week(engine: Engine) -> None:
    """Let thirty studies of five days be read: each fifth is flagged and opened within minutes, the rest in hours."""
    ids = [cast.image_arrives(engine, f"week{n}", waited_minutes=7000 - 200 * n) for n in range(30)]
    for study_id in ids[::5]:
        cast.analysed(engine, study_id, cast.flagged())
    opening = text(
        "UPDATE worklist_item SET state = 'COMPLETED', opened_at = arrived_at + make_interval(mins => :m), "
        "completed_at = arrived_at + make_interval(mins => :m) WHERE study_id = :id"
    )
    with transaction(engine) as connection:
        for place, study_id in enumerate(ids):
            connection.execute(opening, {"m": 10 if place % 5 == 0 else 300, "id": study_id})
