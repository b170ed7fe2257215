"""The queue as an administrator and the doorbell see it: what is due, what each study went through."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Engine, and_, desc, func, or_, select, update

from triage.domain.analysis import AnalysisState
from triage.store import bounded
from triage.store.analyses import startable
from triage.store.engine import transaction
from triage.store.intervals import seconds
from triage.store.tables import analysis


@dataclass(frozen=True, slots=True)
class AnalysisRow:
    """An analysis for the administrator; holds no patient data."""

    id: int
    study_id: int
    revision: int
    algorithm: str
    generation: int
    state: str
    attempts: int
    worker: str
    queued_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    reason: str
    sentence: str
    quarantined: bool


def ring_due(engine: Engine, ring_seconds: float, limit: int = 200) -> list[int]:
    """Return analyses whose doorbell must (again) be rung, and remember that it was."""
    due = (
        select(analysis.c.id)
        .where(
            analysis.c.state == "queued",
            analysis.c.due_at <= func.now(),
            or_(analysis.c.rung_at.is_(None), analysis.c.rung_at < func.now() - seconds(ring_seconds)),
        )
        .order_by(analysis.c.due_at, analysis.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    query = update(analysis).where(analysis.c.id.in_(due)).values(rung_at=func.now()).returning(analysis.c.id)
    with transaction(engine) as connection:
        return sorted(connection.execute(query).scalars())


def next_due(engine: Engine) -> int | None:
    """Return the oldest analysis a worker may start now, for a worker whose doorbell is broken."""
    query = select(analysis.c.id).where(startable()).order_by(analysis.c.due_at, analysis.c.id).limit(1)
    with transaction(engine) as connection:
        return connection.execute(query).scalar_one_or_none()


def of_study(engine: Engine, study_id: int) -> list[AnalysisRow]:
    """Return a study's analyses, the newest first."""
    columns = [analysis.c[name] for name in AnalysisRow.__slots__]
    query = select(*columns).where(analysis.c.study_id == study_id).order_by(desc(analysis.c.id))
    with transaction(engine) as connection:
        return [AnalysisRow(**row) for row in connection.execute(query).mappings()]


def counts(engine: Engine) -> dict[str, int]:
    """Return how many analyses are in each state, quarantined ones apart (see `bounded`)."""
    kinds: dict[str, ColumnElement[bool]] = {state: analysis.c.state == state for state in AnalysisState}
    failed = kinds[AnalysisState.FAILED]
    kinds |= {
        AnalysisState.FAILED: and_(failed, ~analysis.c.quarantined),
        "quarantined": and_(failed, analysis.c.quarantined),
    }
    with transaction(engine) as connection:
        return bounded.each(connection, kinds)
