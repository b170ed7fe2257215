"""Hops 5 and 10: the queue of record. Leases, fences and attempts live here; Redis only rings.

Promises: one effective run at a time (every write carries the fence), results and their effects commit
together or not at all, and an analysis that ends three times without an outcome is quarantined with
its reason, never silent. All clocks are the database's.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, Engine, and_, func, insert, or_, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from triage.domain.analysis import AnalysisEvent, AnalysisState, Lease, after
from triage.domain.errors import Conflict
from triage.domain.finding import CurvePattern, EvidenceDraft, Outcome, Triage, TriageOutcome
from triage.domain.priority import OrderPolicy
from triage.domain.reading import KeyImage
from triage.store import audit, previews, studies, worklist_order
from triage.store import placed as placed_time
from triage.store.engine import transaction
from triage.store.intervals import seconds
from triage.store.leases import lease_of
from triage.store.tables import analysis, delivery, evidence, finding

RETRY_SECONDS = (5, 30)


def startable() -> Any:
    """Return the condition under which a worker may start an analysis now."""
    return or_(
        and_(analysis.c.state == "queued", analysis.c.due_at <= func.now()),
        and_(analysis.c.state == "running", analysis.c.lease_until < func.now()),
    )


def start(
    engine: Engine,
    analysis_id: int,
    worker: str,
    policy: OrderPolicy,
    *,
    lease_seconds: float,
    max_attempts: int,
) -> Lease:
    """Take the lease under a new fence; raises Conflict when the ring was stale."""
    query = (
        update(analysis)
        .where(analysis.c.id == analysis_id, startable(), analysis.c.attempts < max_attempts)
        .values(
            state=after(AnalysisState.QUEUED, AnalysisEvent.START),
            fence=analysis.c.fence + 1,
            attempts=analysis.c.attempts + 1,
            worker=worker,
            lease_until=func.now() + seconds(lease_seconds),
            started_at=func.now(),
            first_started_at=func.coalesce(
                analysis.c.first_started_at, func.date_trunc("second", func.now())
            ),
        )
        .returning(analysis)
    )
    with transaction(engine) as connection:
        row = connection.execute(query).mappings().one_or_none()
        if row is None:
            raise Conflict("stale-ring", f"analysis {analysis_id} is not waiting to be started")
        worklist_order.analysis_started(connection, row["study_id"], policy)
        return lease_of(connection, row)


def renew(engine: Engine, lease: Lease, lease_seconds: float) -> None:
    """Hold the lease longer; raises Conflict when it was lost (superseded or taken over)."""
    query = (
        update(analysis)
        .where(_held(lease))
        .values(lease_until=func.now() + seconds(lease_seconds))
        .returning(analysis.c.id)
    )
    with transaction(engine) as connection:
        if connection.execute(query).scalar_one_or_none() is None:
            raise Conflict("lease-lost", f"analysis {lease.analysis_id} is no longer ours")


def _held(lease: Lease) -> Any:
    return and_(
        analysis.c.id == lease.analysis_id, analysis.c.fence == lease.fence, analysis.c.state == "running"
    )


def succeed(
    engine: Engine,
    lease: Lease,
    outcome: Outcome,
    drafts: Sequence[EvidenceDraft],
    peers: Iterable[str],
    policy: OrderPolicy,
    *,
    key_image: KeyImage | None = None,
    placed: Triage | None = None,
) -> None:
    """Record an outcome: findings, evidence, deliveries, the key image, the worklist's order, the audit, in
    one transaction. Raises Conflict when the lease was lost; then nothing was recorded.

    `placed` is the answer that `place` gave the study its place by: what a person did since then stands."""
    with transaction(engine) as connection:
        studies.lock(connection, lease.study_id)
        _finish(connection, lease, AnalysisEvent.SUCCEED, outcome=outcome.to_json())
        _record_findings(connection, lease, outcome)
        _record_evidence(connection, lease, outcome, drafts, tuple(peers))
        if key_image is None:
            previews.forget(connection, lease.study_id)
        else:
            previews.record(connection, lease.study_id, lease.analysis_id, key_image)
        studies.settle(connection, lease.study_id)
        placed_time.date(connection, lease.analysis_id, lease.study_id, outcome.triage)
        if outcome.triage != placed or _answers(outcome.pattern):
            worklist_order.apply_result(connection, lease.study_id, outcome.triage, policy, outcome.pattern)
        audit.record(
            connection,
            lease_actor(lease),
            "analysis.succeed",
            f"analysis:{lease.analysis_id}",
            study_id=lease.study_id,
            detail={
                "outcome": outcome.triage.outcome,
                "models": [f"{m.name} {m.version}" for m in outcome.models],
            },
        )


def place(engine: Engine, lease: Lease, triage: Triage, policy: OrderPolicy) -> None:
    """Give the study its place by an answer whose analysis goes on (it measures); raises Conflict as `succeed`."""
    query = select(analysis.c.id).where(_held(lease))
    with transaction(engine) as connection:
        studies.lock(connection, lease.study_id)
        if connection.execute(query).scalar_one_or_none() is None:
            raise Conflict("lease-lost", f"analysis {lease.analysis_id} is no longer ours")
        placed_time.date(connection, lease.analysis_id, lease.study_id, triage)
        worklist_order.apply_result(connection, lease.study_id, triage, policy)
        audit.record(
            connection,
            lease_actor(lease),
            "analysis.place",
            f"analysis:{lease.analysis_id}",
            study_id=lease.study_id,
            detail={"outcome": triage.outcome},
        )


def lease_actor(lease: Lease) -> str:
    """Return the audit's name for the machine that did it."""
    return f"algorithm:{lease.algorithm}"


def _finish(connection: Connection, lease: Lease, event: AnalysisEvent, **values: object) -> None:
    following = after(AnalysisState.RUNNING, event)
    query = update(analysis).where(_held(lease))
    ended = {"state": following, "finished_at": func.now(), "lease_until": None, "reason": "", "sentence": ""}
    query = query.values({**ended, **values})
    if connection.execute(query.returning(analysis.c.id)).scalar_one_or_none() is None:
        raise Conflict("lease-lost", f"analysis {lease.analysis_id} is no longer ours")


def _record_findings(connection: Connection, lease: Lease, outcome: Outcome) -> None:
    data = outcome.to_json()
    rows = [_finding("view", row, row["probability"], row["abstained"] or "") for row in data["views"]]
    rows += [_finding("vertebra", row, row["p_fresh"], row["label"]) for row in data["vertebrae"]]
    rows += [_finding("not-analysed", row, None, row["reason"]) for row in data["not_analysed"]]
    rows += [_finding("measure", row, None, row["abstained"] or row["kind"]) for row in data["measures"]]
    if outcome.pattern is not None:
        rows.append(_pattern(data["pattern"]))
    triage = data["triage"]
    rows.append(_finding("triage", triage, triage["probability"], triage["reason"]))
    connection.execute(insert(finding), [{"analysis_id": lease.analysis_id, **row} for row in rows])


def _answers(pattern: CurvePattern | None) -> bool:
    return pattern is not None and pattern.answer.probability is not None


def _pattern(pattern: dict[str, Any]) -> dict[str, Any]:
    answer = pattern["answer"]
    return _finding("pattern", pattern, answer["probability"], answer["reason"])


def _finding(kind: str, detail: dict[str, Any], probability: float | None, reason: str) -> dict[str, Any]:
    uid = detail.get("sop_instance_uid")
    return {
        "kind": kind,
        "sop_instance_uid": uid,
        "probability": probability,
        "reason": reason,
        "detail": detail,
    }


def _record_evidence(
    connection: Connection,
    lease: Lease,
    outcome: Outcome,
    drafts: Sequence[EvidenceDraft],
    peers: tuple[str, ...],
) -> None:
    urgency = 1 if outcome.triage.outcome is TriageOutcome.FLAGGED else 0
    for draft in drafts:
        values = {**draft.to_json(), "analysis_id": lease.analysis_id, "study_id": lease.study_id}
        recorded = connection.execute(
            upsert(evidence)
            .values(**values, urgency=urgency)
            .on_conflict_do_nothing()
            .returning(evidence.c.id)
        ).scalar_one_or_none()
        if recorded is None:
            raise Conflict("evidence-uid", f"evidence {draft.sop_instance_uid} is recorded already")
        if peers:
            connection.execute(insert(delivery), [{"evidence_id": recorded, "peer": peer} for peer in peers])


def fail(
    engine: Engine,
    lease: Lease,
    reason: str,
    sentence: str,
    policy: OrderPolicy,
    *,
    retry: bool,
    max_attempts: int,
) -> str:
    """Record that an attempt failed; return the state that follows: queued again, or failed for good.

    `retry` False is for data that no second attempt can help (Unprocessable).
    """
    with transaction(engine) as connection:
        if retry and lease.attempt < max_attempts:
            _release(connection, lease, reason, sentence)
            return "queued"
        studies.lock(connection, lease.study_id)
        _finish(connection, lease, AnalysisEvent.FAIL, reason=reason, sentence=sentence, quarantined=retry)
        give_up(connection, lease.analysis_id, lease.study_id, reason, sentence, policy)
    return "failed"


def _release(connection: Connection, lease: Lease, reason: str, sentence: str) -> None:
    wait = RETRY_SECONDS[min(lease.attempt, len(RETRY_SECONDS)) - 1]
    query = update(analysis).where(_held(lease))
    query = query.values(
        state=after(AnalysisState.RUNNING, AnalysisEvent.LOSE_LEASE),
        reason=reason,
        sentence=sentence,
        lease_until=None,
        rung_at=None,
        due_at=func.now() + seconds(wait),
    )
    if connection.execute(query.returning(analysis.c.id)).scalar_one_or_none() is None:
        raise Conflict("lease-lost", f"analysis {lease.analysis_id} is no longer ours")


def give_up(
    connection: Connection, analysis_id: int, study_id: int, reason: str, sentence: str, policy: OrderPolicy
) -> None:
    """Settle the study of an analysis that ended without an outcome, and say why, inside the caller's transaction."""
    studies.settle(connection, study_id)
    worklist_order.not_analysed(connection, study_id, reason, sentence, policy)
    audit.record(
        connection,
        audit.SYSTEM,
        "analysis.fail",
        f"analysis:{analysis_id}",
        study_id=study_id,
        detail={"reason": reason},
    )
