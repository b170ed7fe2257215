"""The installation's figures for whoever looks after it: queue, failures, senders, flags and waits of some hours.

Promises that every question is indexed or bounded by time, and that no answer names a patient: studies go by
their row ids, senders by their AE titles, failures by their codes. Never changes anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Engine, and_, desc, distinct, func, or_, select, text, union_all
from sqlalchemy.dialects.postgresql import distinct_on

from triage.domain.finding import TriageOutcome
from triage.domain.priority import AiStatus
from triage.domain.worklist import WorklistState
from triage.store.engine import transaction
from triage.store.requeue import Candidate
from triage.store.tables import analysis, delivery, instance, study
from triage.store.worklist_tables import worklist_item

_ITEM = worklist_item.c
_OPENED = func.coalesce(_ITEM.opened_at, _ITEM.completed_at)
_UNREAD = _ITEM.state.in_([WorklistState.SCHEDULED, WorklistState.IN_PROGRESS])
_FLAGGED = _ITEM.outcome == TriageOutcome.FLAGGED
LATE_FLAG_SECONDS = 180.0


@dataclass(frozen=True, slots=True)
class QueueLine:
    """The open analyses of one algorithm in one state; `oldest_seconds` since it was queued."""

    algorithm: str
    state: str
    number: int
    oldest_seconds: float
    most_attempts: int


@dataclass(frozen=True, slots=True)
class FailureLine:
    """Analyses that failed for good, by reason code; `quarantined` were tried to the last attempt."""

    reason: str
    number: int
    quarantined: int
    latest: datetime
    newest_study: int


@dataclass(frozen=True, slots=True)
class Sender:
    """A calling AE title: objects since the time asked for, and the last of them."""

    calling_ae: str
    objects: int
    last: datetime


@dataclass(frozen=True, slots=True)
class LastWord:
    """The newest thing a destination said of something it does not have yet; the DIMSE status as a number."""

    peer: str
    status: int | None
    attempts: int


@dataclass(frozen=True, slots=True)
class Answers:
    """Studies analysed since the time asked for. Times in seconds from last image to answer; None without any."""

    analysed: int
    flagged: int
    flag_p50: float | None
    flag_p95: float | None
    late: int


@dataclass(frozen=True, slots=True)
class ClassWait:
    """Studies opened since the time asked for, by requested class; minutes from arrival to opening, wall clock."""

    requested: str
    flagged: bool
    opened: int
    p50: float
    p95: float


def queue(engine: Engine) -> list[QueueLine]:
    """Return what waits or runs, by algorithm."""
    oldest = func.max(func.extract("epoch", func.now() - analysis.c.queued_at))
    by = (analysis.c.algorithm, analysis.c.state)
    query = select(*by, func.count(), oldest, func.max(analysis.c.attempts))
    query = query.where(analysis.c.state.in_(["queued", "running"])).group_by(*by).order_by(*by)
    with transaction(engine) as connection:
        return [QueueLine(a, s, n, float(old), tries) for a, s, n, old, tries in connection.execute(query)]


def failures(engine: Engine) -> list[FailureLine]:
    """Return the analyses that failed for good and were not asked for again, the most frequent reason first."""
    query = (
        select(
            analysis.c.reason,
            func.count().label("number"),
            func.count().filter(analysis.c.quarantined).label("quarantined"),
            func.max(func.coalesce(analysis.c.finished_at, analysis.c.queued_at)).label("latest"),
            func.max(analysis.c.study_id).label("newest_study"),
        )
        .where(analysis.c.state == "failed")
        .group_by(analysis.c.reason)
        .order_by(desc("number"), analysis.c.reason)
    )
    with transaction(engine) as connection:
        return [FailureLine(**row) for row in connection.execute(query).mappings()]


def failed_studies(engine: Engine, reason: str, limit: int) -> list[Candidate]:
    """Return the studies whose analysis failed for exactly this reason, the longest waiting first."""
    query = (
        select(
            study.c.id.label("study_id"),
            study.c.study_instance_uid,
            study.c.accession_number,
            study.c.state.label("study_state"),
            analysis.c.state,
            analysis.c.attempts,
            analysis.c.reason,
            study.c.last_arrival,
        )
        .join(study, study.c.id == analysis.c.study_id)
        .where(analysis.c.state == "failed", analysis.c.reason == reason)
        .order_by(study.c.last_arrival, study.c.id)
        .limit(limit)
    )
    with transaction(engine) as connection:
        found = {row["study_id"]: Candidate(**row) for row in connection.execute(query).mappings()}
    return list(found.values())


def senders(engine: Engine, since: datetime) -> list[Sender]:
    """Return who sent objects since then."""
    query = (
        select(instance.c.calling_ae, func.count(), func.max(instance.c.arrived_at))
        .where(instance.c.arrived_at >= since)
        .group_by(instance.c.calling_ae)
        .order_by(instance.c.calling_ae)
    )
    with transaction(engine) as connection:
        return [Sender(*row) for row in connection.execute(query)]


def last_words(engine: Engine) -> dict[str, LastWord]:
    """Return the newest trouble of each destination. Only its number: what a PACS writes may name a patient."""
    query = (
        select(delivery.c.peer, delivery.c.last_status, delivery.c.attempts)
        .ext(distinct_on(delivery.c.peer))
        .where(delivery.c.state.in_(["pending", "refused"]), delivery.c.attempts > 0)
        .order_by(delivery.c.peer, desc(delivery.c.id))
    )
    with transaction(engine) as connection:
        return {peer: LastWord(peer, status, tries) for peer, status, tries in connection.execute(query)}


def received(engine: Engine, since: datetime) -> int:
    """Return how many studies sent their first image since then."""
    query = select(func.count()).select_from(study).where(study.c.first_arrival >= since)
    with transaction(engine) as connection:
        return int(connection.execute(query).scalar_one())


def not_analysed(engine: Engine, since: datetime) -> dict[str, int]:
    """Return the studies received since then that have no answer and will get none, by reason code."""
    nothing = or_(
        _ITEM.ai_status == AiStatus.NOT_ANALYSED,
        _ITEM.outcome == TriageOutcome.ABSTAINED,
    )
    query = (
        select(_ITEM.ai_reason, func.count())
        .join(study, study.c.id == _ITEM.study_id)
        .where(study.c.first_arrival >= since, nothing)
        .group_by(_ITEM.ai_reason)
        .order_by(desc(func.count()), _ITEM.ai_reason)
    )
    with transaction(engine) as connection:
        return {reason or "abstained": int(number) for reason, number in connection.execute(query)}


def answers(engine: Engine, since: datetime) -> Answers:
    """Return what first analyses answered since then; one that was asked for again would count its own wait twice."""
    took = func.greatest(func.extract("epoch", analysis.c.finished_at - study.c.last_arrival), 0)
    query = (
        select(
            func.count(distinct(study.c.id)),
            func.count(distinct(study.c.id)).filter(_FLAGGED),
            *(func.percentile_cont(share).within_group(took).filter(_FLAGGED) for share in (0.5, 0.95)),
            func.count(distinct(study.c.id)).filter(and_(_FLAGGED, took > LATE_FLAG_SECONDS)),
        )
        .select_from(analysis)
        .join(study, study.c.id == analysis.c.study_id)
        .join(worklist_item, _ITEM.study_id == study.c.id)
        .where(analysis.c.finished_at >= since, analysis.c.state == "succeeded", analysis.c.generation == 1)
    )
    with transaction(engine) as connection:
        analysed, flagged, middle, tail, late = connection.execute(query).one()
    return Answers(int(analysed), int(flagged), _float(middle), _float(tail), int(late))


def flags_by_hour(engine: Engine, until: datetime, hours: int) -> list[int]:
    """Return how many studies were flagged in each of the hours before `until`, the oldest first."""
    begin = until - timedelta(hours=hours)
    slot = func.floor(func.extract("epoch", analysis.c.finished_at - begin) / 3600).label("slot")
    query = (
        select(slot, func.count(distinct(analysis.c.study_id)))
        .join(worklist_item, _ITEM.study_id == analysis.c.study_id)
        .where(analysis.c.finished_at >= begin, analysis.c.finished_at < until)
        .where(analysis.c.state == "succeeded", _FLAGGED)
        .group_by(text("slot"))
    )
    with transaction(engine) as connection:
        found = {int(hour): int(number) for hour, number in connection.execute(query)}
    return [found.get(hour, 0) for hour in range(hours)]


def waits(engine: Engine, since: datetime) -> list[ClassWait]:
    """Return how long studies opened since then had waited, by requested class and flag."""
    minutes = func.extract("epoch", _OPENED - _ITEM.arrived_at) / 60
    flag = _FLAGGED.label("flagged")
    tail = [func.percentile_cont(share).within_group(minutes) for share in (0.5, 0.95)]
    query = select(_ITEM.requested_priority, flag, func.count(), *tail)
    query = query.where(since <= _OPENED, _ITEM.arrived_at <= _OPENED)
    query = query.group_by(_ITEM.requested_priority, flag).order_by(_ITEM.requested_priority, desc(flag))
    with transaction(engine) as connection:
        rows = connection.execute(query)
        return [ClassWait(name, on, int(n), float(p50), float(p95)) for name, on, n, p50, p95 in rows]


def newest_answers(engine: Engine, limit: int) -> list[bool]:
    """Return of the newest answered analyses whether each study is flagged, the newest first."""
    newest = (
        select(analysis.c.id, analysis.c.study_id)
        .where(analysis.c.state == "succeeded")
        .order_by(desc(analysis.c.id))
        .limit(limit)
        .subquery()
    )
    query = select(_FLAGGED).join(newest, newest.c.study_id == _ITEM.study_id).order_by(desc(newest.c.id))
    with transaction(engine) as connection:
        return list(connection.execute(query).scalars())


def unread_longer_than(engine: Engine, hours: float) -> int:
    """Return how many studies have waited unread for longer than that, wall clock."""
    limit = func.now() - timedelta(hours=hours)
    query = select(func.count()).select_from(worklist_item).where(_UNREAD, _ITEM.arrived_at < limit)
    with transaction(engine) as connection:
        return int(connection.execute(query).scalar_one())


def replayable(engine: Engine, since: datetime, most: int) -> int:
    """Return how many studies a replay since then would read, counted up to one more than `most`."""
    done = select(_ITEM.study_id).where(_ITEM.state == WorklistState.COMPLETED, _ITEM.completed_at >= since)
    either = union_all(select(_ITEM.study_id).where(_UNREAD), done).limit(most + 1).subquery()
    with transaction(engine) as connection:
        return int(connection.execute(select(func.count()).select_from(either)).scalar_one())


def _float(value: Any) -> float | None:
    return None if value is None else float(value)
