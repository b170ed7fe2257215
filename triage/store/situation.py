"""How the product stands, as the page and /metrics say it: one read, no change.

Figures only, never a patient.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, Select, desc, func, select

from triage.domain.analysis import AnalysisState
from triage.domain.finding import ModelIdentity, TriageOutcome
from triage.domain.priority import LOOK_SOONER, RequestedPriority, Tier
from triage.domain.study import StudyState
from triage.domain.worklist import WorklistState
from triage.store.engine import transaction
from triage.store.intervals import seconds
from triage.store.presence import LATE_SECONDS
from triage.store.tables import analysis, delivery, presence, study
from triage.store.worklist_tables import worklist_item

_ON_ITS_WAY = (StudyState.RECEIVING, StudyState.CLOSED)
_NOT_ANSWERED = (AnalysisState.QUEUED, AnalysisState.RUNNING)

# The newest answers that the share of flags is told of; `triage check` judges the first and the last.
FLAG_WINDOWS = (50, 200)


@dataclass(frozen=True, slots=True)
class Situation:
    """What the page says besides its rows. `oldest_analysis_s` is the longest wait for an answer now;
    `receiving_since` is None while nothing registers what arrives."""

    now: datetime
    last_arrival: datetime | None
    analyses_waiting: int
    oldest_analysis_s: float
    workers: int
    models: tuple[ModelIdentity, ...]
    receiving_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Unread:
    """Studies waiting to be read that stand in one band: what a band is told by, and how many they are."""

    tier: Tier
    reason_code: str
    requested: RequestedPriority
    sooner: bool
    number: int


@dataclass(frozen=True, slots=True)
class Figures:
    """What /metrics says of the whole installation: of studies and analyses what is on its way, which alone stays small.

    `flagged`: by model and window, the share of its newest answers.
    """

    studies: Mapping[str, int] = field(default_factory=dict)
    analyses: Mapping[str, int] = field(default_factory=dict)
    undelivered: Mapping[str, int] = field(default_factory=dict)
    unread: tuple[Unread, ...] = ()
    flagged: Mapping[tuple[str, int], float] = field(default_factory=dict)


def situation(engine: Engine) -> Situation:
    """Return how reception and analysis stand now."""
    open_analysis = analysis.c.state.in_(_NOT_ANSWERED)
    waits = select(
        func.count(),
        func.coalesce(func.max(func.extract("epoch", func.now() - analysis.c.queued_at)), 0.0),
    ).where(open_analysis)
    alive = select(
        func.count().filter(presence.c.kind == "worker"),
        func.min(presence.c.started_at).filter(presence.c.kind == "registrar"),
    ).where(presence.c.seen_at > func.now() - seconds(LATE_SECONDS))
    with transaction(engine) as connection:
        waiting, oldest = connection.execute(waits).one()
        workers, receiving_since = connection.execute(alive).one()
        return Situation(
            now=connection.execute(select(func.now())).scalar_one(),
            last_arrival=connection.execute(select(func.max(study.c.first_arrival))).scalar_one(),
            analyses_waiting=int(waiting),
            oldest_analysis_s=float(oldest),
            workers=int(workers),
            models=_models(connection),
            receiving_since=receiving_since,
        )


def figures(engine: Engine) -> Figures:
    """Return the figures of every process's work, from the rows they left."""
    pending = (
        select(delivery.c.peer, func.count()).where(delivery.c.state == "pending").group_by(delivery.c.peer)
    )
    with transaction(engine) as connection:
        return Figures(
            studies=_counted(connection, _by_state(study.c.state, _ON_ITS_WAY)),
            analyses=_counted(connection, _by_state(analysis.c.state, _NOT_ANSWERED)),
            undelivered=_counted(connection, pending),
            unread=_unread(connection),
            flagged=_flagged(connection),
        )


def _unread(connection: Connection) -> tuple[Unread, ...]:
    item = worklist_item.c
    by = (item.tier, item.reason_code, item.requested_priority, item.reason.contains(LOOK_SOONER))
    query = select(*by, func.count()).group_by(*by)
    query = query.where(item.state.in_([WorklistState.SCHEDULED, WorklistState.IN_PROGRESS]))
    return tuple(
        Unread(Tier(tier), code, RequestedPriority(requested), sooner, int(number))
        for tier, code, requested, sooner, number in connection.execute(query)
    )


def _flagged(connection: Connection) -> dict[tuple[str, int], float]:
    model = analysis.c.outcome["models"][-1]["name"].astext
    flag = analysis.c.outcome["triage"]["outcome"].astext == TriageOutcome.FLAGGED
    newest = (
        select(model.label("model"), flag.label("flag"))
        .where(analysis.c.state == "succeeded", analysis.c.outcome.is_not(None))
        .order_by(desc(analysis.c.id))
        .limit(max(FLAG_WINDOWS))
    )
    answers: dict[str, list[bool]] = {}
    for name, flagged in connection.execute(newest):
        answers.setdefault(str(name or "unknown"), []).append(bool(flagged))
    return {
        (name, window): sum(said[:window]) / len(said[:window])
        for name, said in answers.items()
        for window in FLAG_WINDOWS
    }


def _by_state(state: ColumnElement[Any], states: Sequence[str]) -> Select[Any]:
    return select(state, func.count()).where(state.in_(states)).group_by(state)


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
