"""How the product stands, as the page and /metrics say it: one read, no change.

Figures only, never a patient.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, Select, desc, func, select

from triage.domain.finding import ModelIdentity
from triage.domain.worklist import WorklistState
from triage.store.engine import transaction
from triage.store.presence import LATE_SECONDS
from triage.store.tables import analysis, delivery, presence, study, worklist_item


@dataclass(frozen=True, slots=True)
class Situation:
    """What the page says besides its rows. `oldest_analysis_s` is the longest wait for an answer now."""

    now: datetime
    last_arrival: datetime | None
    analyses_waiting: int
    oldest_analysis_s: float
    workers: int
    models: tuple[ModelIdentity, ...]


@dataclass(frozen=True, slots=True)
class Figures:
    """What /metrics says of the whole installation."""

    studies: Mapping[str, int] = field(default_factory=dict)
    analyses: Mapping[str, int] = field(default_factory=dict)
    undelivered: Mapping[str, int] = field(default_factory=dict)
    unread: int = 0


def situation(engine: Engine) -> Situation:
    """Return how reception and analysis stand now."""
    open_analysis = analysis.c.state.in_(["queued", "running"])
    waits = select(
        func.count(),
        func.coalesce(func.max(func.extract("epoch", func.now() - analysis.c.queued_at)), 0.0),
    ).where(open_analysis)
    alive = select(func.count()).where(
        presence.c.kind == "worker",
        presence.c.seen_at > func.now() - func.make_interval(0, 0, 0, 0, 0, 0, LATE_SECONDS),
    )
    with transaction(engine) as connection:
        waiting, oldest = connection.execute(waits).one()
        return Situation(
            now=connection.execute(select(func.now())).scalar_one(),
            last_arrival=connection.execute(select(func.max(study.c.first_arrival))).scalar_one(),
            analyses_waiting=int(waiting),
            oldest_analysis_s=float(oldest),
            workers=int(connection.execute(alive).scalar_one()),
            models=_models(connection),
        )


def figures(engine: Engine) -> Figures:
    """Return the figures of every process's work, from the rows they left."""
    unread = select(func.count()).where(
        worklist_item.c.state.in_([WorklistState.SCHEDULED, WorklistState.IN_PROGRESS])
    )
    pending = (
        select(delivery.c.peer, func.count()).where(delivery.c.state == "pending").group_by(delivery.c.peer)
    )
    with transaction(engine) as connection:
        return Figures(
            studies=_counted(connection, select(study.c.state, func.count()).group_by(study.c.state)),
            analyses=_counted(connection, select(analysis.c.state, func.count()).group_by(analysis.c.state)),
            undelivered=_counted(connection, pending),
            unread=int(connection.execute(unread).scalar_one()),
        )


def _counted(connection: Connection, query: Select[Any]) -> dict[str, int]:
    return {str(name): int(count) for name, count in connection.execute(query)}


def _models(connection: Connection) -> tuple[ModelIdentity, ...]:
    """Return the models that gave the newest answer."""
    newest = (
        select(analysis.c.outcome["models"])
        .where(analysis.c.state == "succeeded", analysis.c.outcome.is_not(None))
        .order_by(desc(analysis.c.id))
        .limit(1)
    )
    found = connection.execute(newest).scalar_one_or_none() or ()
    return tuple(ModelIdentity(**model) for model in found)
