"""When the answer of an analysis gave its study the place it has, for the time ledger.

Promise: written in the transaction that moves the study. An answer that the row says already keeps its date, so that
neither the angles measured after a flag nor a retry that says the same flag again make it look late.
"""

from __future__ import annotations

from sqlalchemy import Connection, case, exists, func, update

from triage.domain.finding import Triage
from triage.store.tables import analysis
from triage.store.worklist_tables import worklist_item

_ITEM = worklist_item.c


def date(connection: Connection, analysis_id: int, study_id: int, triage: Triage) -> None:
    """Date the answer; before the row is told of it, and inside the caller's transaction."""
    said = exists().where(
        _ITEM.study_id == study_id,
        _ITEM.outcome == triage.outcome,
        _ITEM.probability.is_not_distinct_from(triage.probability),
    )
    dated = case((said, func.coalesce(analysis.c.placed_at, func.now())), else_=func.now())
    connection.execute(update(analysis).where(analysis.c.id == analysis_id).values(placed_at=dated))
