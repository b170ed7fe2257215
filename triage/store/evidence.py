"""The outbox: which of our results is owed to which PACS, and what became of each delivery.

A delivery is pending, sent, refused (a person must look) or superseded (its analysis no longer
speaks for the study). `next_at` is back-off and lease in one: whoever takes a delivery moves it
forward, so a killed outbox gives it back by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import Connection, Engine, Select, Update, desc, func, select, update

from triage.domain.analysis import AnalysisState
from triage.store import audit, worklist_order
from triage.store.engine import transaction
from triage.store.tables import analysis, delivery, evidence, study

ACTOR = "outbox"
# Due since ever: a person asked for it, so even a breaker that waits tries at once.
ASKED = func.to_timestamp(0)


class DeliveryState(StrEnum):
    """Where one delivery stands."""

    PENDING = "pending"
    SENT = "sent"
    REFUSED = "refused"
    SUPERSEDED = "superseded"


@dataclass(frozen=True, slots=True)
class Delivery:
    """One result owed to one peer, leased to the caller. `attempts` counts the tries before this one."""

    id: int
    evidence_id: int
    analysis_id: int
    study_id: int
    kind: str
    spool_name: str
    size: int
    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str
    attempts: int


@dataclass(frozen=True, slots=True)
class DeliveryRow:
    """One delivery as a person lists it."""

    id: int
    evidence_id: int
    study_id: int
    study_instance_uid: str
    kind: str
    sop_instance_uid: str
    peer: str
    state: str
    attempts: int
    next_at: datetime
    last_status: int | None
    last_error: str
    sent_at: datetime | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class DeliveryFilter:
    """What to list; None = any."""

    state: str | None = None
    peer: str | None = None
    study_instance_uid: str | None = None
    accession_number: str | None = None
    limit: int = 100


@dataclass(frozen=True, slots=True)
class Backlog:
    """What one peer is still owed, and for how long the oldest has waited."""

    peer: str
    pending: int
    refused: int
    oldest_seconds: float


def take_due(engine: Engine, peer: str, lease_s: float, limit: int = 16) -> tuple[Delivery, ...]:
    """Lease the due deliveries of the most urgent analysis owed to `peer`, in the order they were made.

    An analysis that no longer speaks for its study is passed over: closing the newer revision drops its
    deliveries in its own transaction.
    """
    due = (
        delivery.c.peer == peer,
        delivery.c.state == DeliveryState.PENDING,
        delivery.c.next_at <= func.now(),
    )
    owed = delivery.join(evidence, evidence.c.id == delivery.c.evidence_id)
    first = (
        select(evidence.c.analysis_id)
        .select_from(owed.join(analysis, analysis.c.id == evidence.c.analysis_id))
        .where(*due, analysis.c.state == AnalysisState.SUCCEEDED)
        .order_by(desc(evidence.c.urgency), evidence.c.id)
        .limit(1)
    )
    columns = (
        delivery.c.id,
        delivery.c.evidence_id,
        evidence.c.analysis_id,
        evidence.c.study_id,
        evidence.c.kind,
        evidence.c.spool_name,
        evidence.c.size,
        evidence.c.sop_class_uid,
        evidence.c.sop_instance_uid,
        evidence.c.transfer_syntax_uid,
        delivery.c.attempts,
    )
    chosen = select(*columns).select_from(owed).where(*due, evidence.c.analysis_id == first.scalar_subquery())
    chosen = chosen.order_by(evidence.c.id).limit(limit).with_for_update(of=delivery, skip_locked=True)
    with transaction(engine) as connection:
        taken = tuple(Delivery(**row) for row in connection.execute(chosen).mappings())
        _lease(connection, [row.id for row in taken], lease_s)
    return taken


def renew(engine: Engine, ids: Sequence[int], lease_s: float) -> None:
    """Hold the lease on deliveries whose send is still going on."""
    with transaction(engine) as connection:
        _lease(connection, ids, lease_s)


def give_back(engine: Engine, ids: Sequence[int], reason: str) -> None:
    """Make deliveries due again that were not tried: the peer itself was away, and its breaker waits."""
    change = {"next_at": func.now(), "last_error": reason}
    with transaction(engine) as connection:
        connection.execute(_pending(ids).values(change))


def postpone(engine: Engine, delivery_id: int, reason: str, status: int | None, delay_s: float) -> None:
    """Record a try that failed for now; the same bytes go again after `delay_s`."""
    change = {
        "attempts": delivery.c.attempts + 1,
        "next_at": func.now() + timedelta(seconds=delay_s),
        "last_status": status,
        "last_error": reason,
    }
    with transaction(engine) as connection:
        connection.execute(_pending([delivery_id]).values(change))


def sent(engine: Engine, delivery_id: int, status: int | None, warning: str = "") -> None:
    """Record that the peer holds the instance; `warning` is its reason code when it changed something.

    Also of a delivery that was superseded while it was in flight: what the PACS holds is a fact.
    """
    _settle(engine, delivery_id, DeliveryState.SENT, status, warning)


def refused(engine: Engine, delivery_id: int, status: int | None, reason: str) -> None:
    """Record that the peer will never take the instance as it is: a person must look."""
    _settle(engine, delivery_id, DeliveryState.REFUSED, status, reason)


def list_deliveries(engine: Engine, wanted: DeliveryFilter | None = None) -> tuple[DeliveryRow, ...]:
    """Return deliveries, the newest first."""
    query = _narrowed(_rows(), wanted or DeliveryFilter())
    with transaction(engine) as connection:
        return tuple(DeliveryRow(**row) for row in connection.execute(query).mappings())


def retry(engine: Engine, ids: Sequence[int], actor: str, reason: str) -> tuple[int, ...]:
    """Make refused or waiting deliveries due now, audited; return the ids that were changed."""
    again = (DeliveryState.REFUSED, DeliveryState.PENDING)
    change = update(delivery).where(delivery.c.id.in_(ids), delivery.c.state.in_(again))
    change = change.values(state=DeliveryState.PENDING, next_at=ASKED)
    with transaction(engine) as connection:
        changed = connection.execute(change.returning(delivery.c.id)).scalars().all()
        for delivery_id in sorted(changed):
            _remember(connection, delivery_id, actor, "retry", {"reason": reason})
    return tuple(sorted(changed))


def take_request(engine: Engine, peer: str) -> bool:
    """Return whether a person asked to send to `peer` again since the last time this was called."""
    asked = (delivery.c.peer == peer, delivery.c.state == DeliveryState.PENDING, delivery.c.next_at <= ASKED)
    change = update(delivery).where(*asked).values(next_at=func.now())
    with transaction(engine) as connection:
        return connection.execute(change).rowcount > 0


def backlog(engine: Engine) -> tuple[Backlog, ...]:
    """Return what each peer is still owed."""
    pending = func.count().filter(delivery.c.state == DeliveryState.PENDING)
    parked = func.count().filter(delivery.c.state == DeliveryState.REFUSED)
    waiting = func.min(evidence.c.created_at).filter(delivery.c.state == DeliveryState.PENDING)
    oldest = func.coalesce(func.extract("epoch", func.now() - waiting), 0)
    query = (
        select(
            delivery.c.peer, pending.label("pending"), parked.label("refused"), oldest.label("oldest_seconds")
        )
        .join(evidence, evidence.c.id == delivery.c.evidence_id)
        .where(delivery.c.state.in_((DeliveryState.PENDING, DeliveryState.REFUSED)))
        .group_by(delivery.c.peer)
        .order_by(delivery.c.peer)
    )
    with transaction(engine) as connection:
        rows = connection.execute(query).mappings()
        return tuple(Backlog(**{**row, "oldest_seconds": float(row["oldest_seconds"])}) for row in rows)


def _pending(ids: Sequence[int]) -> Update:
    return update(delivery).where(delivery.c.id.in_(ids), delivery.c.state == DeliveryState.PENDING)


def _lease(connection: Connection, ids: Sequence[int], lease_s: float) -> None:
    if ids:
        connection.execute(_pending(ids).values(next_at=func.now() + timedelta(seconds=lease_s)))


def _settle(engine: Engine, delivery_id: int, state: DeliveryState, status: int | None, reason: str) -> None:
    change = {
        "state": state,
        "attempts": delivery.c.attempts + 1,
        "last_status": status,
        "last_error": reason,
        "sent_at": func.now() if state is DeliveryState.SENT else None,
    }
    before = {DeliveryState.PENDING} | ({DeliveryState.SUPERSEDED} if state is DeliveryState.SENT else set())
    settling = update(delivery).where(delivery.c.id == delivery_id, delivery.c.state.in_(before))
    with transaction(engine) as connection:
        if connection.execute(settling.values(change)).rowcount:
            action = "send" if state is DeliveryState.SENT else "refuse"
            _remember(connection, delivery_id, ACTOR, action, {"status": status, "reason": reason})


def _remember(
    connection: Connection, delivery_id: int, actor: str, action: str, detail: dict[str, object]
) -> None:
    whose = (
        select(delivery.c.peer, evidence.c.kind, evidence.c.sop_instance_uid, evidence.c.study_id)
        .join(evidence, evidence.c.id == delivery.c.evidence_id)
        .where(delivery.c.id == delivery_id)
    )
    row = connection.execute(whose).one()
    known = {"peer": row.peer, "kind": row.kind, "sop_instance_uid": row.sop_instance_uid}
    subject = f"delivery:{delivery_id}"
    audit.record(connection, actor, action, subject, study_id=row.study_id, detail={**known, **detail})
    worklist_order.touch(connection, row.study_id)


def _rows() -> Select[tuple[object, ...]]:
    columns = (
        delivery.c.id,
        delivery.c.evidence_id,
        evidence.c.study_id,
        study.c.study_instance_uid,
        evidence.c.kind,
        evidence.c.sop_instance_uid,
        delivery.c.peer,
        delivery.c.state,
        delivery.c.attempts,
        func.greatest(delivery.c.next_at, evidence.c.created_at).label("next_at"),
        delivery.c.last_status,
        delivery.c.last_error,
        delivery.c.sent_at,
        evidence.c.created_at,
    )
    joined = delivery.join(evidence, evidence.c.id == delivery.c.evidence_id)
    return select(*columns).select_from(joined.join(study, study.c.id == evidence.c.study_id))


def _narrowed(query: Select[tuple[object, ...]], wanted: DeliveryFilter) -> Select[tuple[object, ...]]:
    conditions = {
        delivery.c.state: wanted.state,
        delivery.c.peer: wanted.peer,
        study.c.study_instance_uid: wanted.study_instance_uid,
        study.c.accession_number: wanted.accession_number,
    }
    for column, value in conditions.items():
        if value is not None:
            query = query.where(column == value)
    return query.order_by(desc(delivery.c.id)).limit(wanted.limit)
