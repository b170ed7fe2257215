"""What readers think of the flag: one present opinion per reader and study; the audit keeps the earlier ones.

An opinion never moves a row. The confirm rate counts opinions on studies that were flagged.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Engine, delete, desc, func, select
from sqlalchemy.dialects.postgresql import insert

from triage.domain.errors import NotFound, Refused
from triage.domain.reading import OPINION_DAYS, Cause, ConfirmRate, Opinion, Verdict
from triage.store import audit
from triage.store.engine import transaction
from triage.store.reading_tables import opinion
from triage.store.tables import analysis
from triage.store.worklist_tables import worklist_item

_O = opinion.c


def give(engine: Engine, study_id: int, reader: str, verdict: Verdict, cause: Cause | None = None) -> None:
    """Record the reader's opinion on the present answer; Refused where there is none, NotFound."""
    answered = select(worklist_item.c.outcome).where(worklist_item.c.study_id == study_id)
    newest = (
        select(analysis.c.id, analysis.c.outcome["models"][-1]["name"].astext)
        .where(analysis.c.study_id == study_id, analysis.c.state == "succeeded")
        .order_by(desc(analysis.c.id))
        .limit(1)
    )
    with transaction(engine) as connection:
        outcome = connection.execute(answered).scalar_one_or_none()
        if outcome is None:
            raise NotFound("worklist", f"study {study_id} is not on the worklist")
        if outcome not in ("FLAGGED", "NOT_FLAGGED"):
            raise Refused("opinion", "There is no answer to agree or disagree with")
        analysis_id, model = connection.execute(newest).one_or_none() or (None, None)
        values: dict[str, Any] = {
            "verdict": verdict,
            "cause": cause or "",
            "outcome": outcome,
            "analysis_id": analysis_id,
            "at": func.now(),
        }
        connection.execute(
            insert(opinion)
            .values(study_id=study_id, reader=reader, **values)
            .on_conflict_do_update(index_elements=["study_id", "reader"], set_=values)
        )
        detail = {"verdict": verdict, "cause": cause or "", "outcome": outcome, "model": model or ""}
        audit.record(
            connection, reader, "opinion.give", f"study:{study_id}", study_id=study_id, detail=detail
        )


def withdraw(engine: Engine, study_id: int, reader: str) -> None:
    """Take the reader's opinion back; without one nothing happens."""
    with transaction(engine) as connection:
        gone = connection.execute(delete(opinion).where(_O.study_id == study_id, _O.reader == reader))
        if gone.rowcount:
            audit.record(connection, reader, "opinion.withdraw", f"study:{study_id}", study_id=study_id)


def of_study(engine: Engine, study_id: int) -> list[Opinion]:
    """Return every reader's opinion on a study, the newest first."""
    query = select(_O.reader, _O.verdict, _O.cause, _O.at).where(_O.study_id == study_id)
    with transaction(engine) as connection:
        rows = connection.execute(query.order_by(desc(_O.at))).all()
    return [Opinion(row.reader, Verdict(row.verdict), row.cause, row.at) for row in rows]


def confirm_rate(engine: Engine, days: int = OPINION_DAYS) -> ConfirmRate:
    """Return how many of the flags judged in the last days were agreed with; unsure counts as judged."""
    query = select(func.count().filter(_O.verdict == Verdict.AGREE), func.count()).where(
        _O.outcome == "FLAGGED", _O.at > func.now() - func.make_interval(0, 0, 0, days)
    )
    with transaction(engine) as connection:
        agreed, judged = connection.execute(query).one()
    return ConfirmRate(int(agreed), int(judged), days)
