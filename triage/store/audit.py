"""The audit remembers: who did what to which study, written in the transaction that does it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, desc, insert, select

from triage.store.engine import transaction
from triage.store.tables import audit

SYSTEM = "system"


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One remembered action."""

    id: int
    at: datetime
    actor: str
    action: str
    subject: str
    study_id: int | None
    detail: Mapping[str, Any]


def record(
    connection: Connection,
    actor: str,
    action: str,
    subject: str,
    *,
    study_id: int | None = None,
    detail: Mapping[str, Any] | None = None,
) -> None:
    """Remember one action inside the caller's transaction; `subject` and `detail` never name a patient."""
    row = {
        "actor": actor,
        "action": action,
        "subject": subject,
        "study_id": study_id,
        "detail": dict(detail or {}),
    }
    connection.execute(insert(audit).values(row))


def entries(
    engine: Engine, *, study_id: int | None = None, since: datetime | None = None, limit: int = 100
) -> list[AuditEntry]:
    """Return the newest entries first."""
    query = select(audit).order_by(desc(audit.c.id)).limit(limit)
    if study_id is not None:
        query = query.where(audit.c.study_id == study_id)
    if since is not None:
        query = query.where(audit.c.at >= since)
    with transaction(engine) as connection:
        return [AuditEntry(**row) for row in connection.execute(query).mappings()]
