"""Leases of workers that died: taken back by the database's clock alone, quarantined after the last attempt."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Engine, func, select, update

from triage.domain.analysis import AnalysisEvent, AnalysisState, after
from triage.domain.priority import OrderPolicy
from triage.store.analyses import give_up
from triage.store.engine import transaction
from triage.store.tables import analysis, study


def take_back_expired(engine: Engine, max_attempts: int, policy: OrderPolicy) -> tuple[list[int], list[int]]:
    """Free leases of dead workers: (queued again, quarantined after the last attempt)."""
    query = (
        select(analysis.c.id, analysis.c.study_id, analysis.c.attempts)
        .join(study, study.c.id == analysis.c.study_id)
        .where(analysis.c.state == "running", analysis.c.lease_until < func.now())
        # A study that somebody writes to is taken at the next tick: waiting for it here could deadlock.
        .with_for_update(of=[study, analysis], skip_locked=True, key_share=True)
    )
    freed: list[int] = []
    quarantined: list[int] = []
    sentence = "the worker stopped before it had an answer"
    with transaction(engine) as connection:
        for analysis_id, study_id, attempts in connection.execute(query).all():
            spent = attempts >= max_attempts
            event = AnalysisEvent.FAIL if spent else AnalysisEvent.LOSE_LEASE
            values: dict[str, Any] = {"rung_at": None, "due_at": func.now()}
            if spent:
                values = {"quarantined": True, "finished_at": func.now()}
            connection.execute(
                update(analysis)
                .where(analysis.c.id == analysis_id)
                .values(
                    **values,
                    state=after(AnalysisState.RUNNING, event),
                    fence=analysis.c.fence + 1,
                    lease_until=None,
                    reason="worker-lost",
                    sentence=sentence,
                )
            )
            if spent:
                give_up(connection, analysis_id, study_id, "worker-lost", sentence, policy)
            (quarantined if spent else freed).append(analysis_id)
    return freed, quarantined
