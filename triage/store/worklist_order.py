"""Where a study stands in the list: written by arrival, dispatch and results, inside their transactions.

Promises: a row exists from the first image; a machine only raises a row and never moves one that a
person holds (claimed, pinned, read): what it learnt meanwhile counts when the person lets go. Every
statement locks the one row it moves. `version` counts people's acts, re-openings and images that come
while somebody reads, so that a claim is never refused because a result came in between.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, delete, func, insert, or_, select, update

from triage.domain import priority
from triage.domain.errors import NotFound
from triage.domain.finding import Triage, TriageOutcome
from triage.domain.priority import AiStatus, Lowered, OrderPolicy, Pin, Position, RequestedPriority, Standing
from triage.domain.worklist import Hold, WorklistEvent, WorklistState
from triage.store import audit
from triage.store.reading_tables import lowering
from triage.store.tables import study, worklist_item

_ITEM = worklist_item.c
USUAL = OrderPolicy()
_NOBODY: dict[str, Any] = {
    "claimed_by": "",
    "claimed_at": None,
    "claimed_until": None,
    "touched_by_person": _ITEM.pinned_by != "",
}


def arrive(
    connection: Connection,
    study_id: int,
    requested: str,
    calling_ae: str,
    policy: OrderPolicy = USUAL,
    *,
    new_image: bool,
) -> None:
    """Put the study on the list, or tell its row what came; the caller holds the study's row lock.

    `requested` is the order's word. A new image makes a read study one to be read again, and an answer
    about fewer images no longer current; other objects may only raise the requested priority.
    """
    asked = priority.requested_priority(requested)
    if calling_ae in policy.stat_calling_aes:
        asked = RequestedPriority.STAT
    row = _find(connection, study_id)
    if row is None:
        _first_image(connection, study_id, asked, policy)
    else:
        _more_images(connection, row, asked, policy, new_image=new_image)


def analysis_queued(connection: Connection, study_id: int, policy: OrderPolicy = USUAL) -> None:
    """Say that an analysis is planned or asked for again; an older answer no longer counts as current."""
    _forget_answer(connection, study_id)
    reposition(connection, study_id, policy)


def analysis_started(connection: Connection, study_id: int, policy: OrderPolicy = USUAL) -> None:
    """Say that a worker is at it."""
    _write(connection, study_id, ai_status=AiStatus.RUNNING, ai_reason="", ai_sentence="")
    reposition(connection, study_id, policy)


def apply_result(
    connection: Connection,
    study_id: int,
    triage: Triage,
    policy: OrderPolicy = USUAL,
) -> None:
    """Record the answer of an analysis and raise the row if it deserves it."""
    _write(
        connection,
        study_id,
        ai_status=AiStatus.DONE,
        ai_reason=triage.reason,
        ai_sentence=triage.sentence,
        outcome=triage.outcome,
        probability=triage.probability,
        threshold=triage.threshold,
        flagged_before=or_(_ITEM.flagged_before, _ITEM.outcome == TriageOutcome.FLAGGED),
    )
    reposition(connection, study_id, policy)


def not_analysed(
    connection: Connection,
    study_id: int,
    reason: str,
    sentence: str,
    policy: OrderPolicy = USUAL,
) -> None:
    """Say that there will be no answer, and why; the row keeps the place of its class."""
    _forget_answer(connection, study_id)
    status = AiStatus.NOT_ANALYSED
    _write(connection, study_id, ai_status=status, ai_reason=reason, ai_sentence=sentence)
    reposition(connection, study_id, policy)


def remember(
    connection: Connection,
    actor: str,
    event: WorklistEvent,
    study_id: int,
    detail: Mapping[str, Any] | None = None,
) -> None:
    """Write the audit line of what happened to a row, in the transaction that does it."""
    subject = f"study:{study_id}"
    audit.record(connection, actor, f"worklist.{event}", subject, study_id=study_id, detail=detail)


def touch(connection: Connection, study_id: int) -> None:
    """Tell the page that something it shows of this study changed elsewhere (deliveries, images)."""
    connection.execute(update(worklist_item).where(_ITEM.study_id == study_id).values(changed_at=func.now()))


def reposition(connection: Connection, study_id: int, policy: OrderPolicy, *, let_go: bool = False) -> None:
    """Recompute the place and its sentence. A row that a person holds keeps its place until let go of."""
    row = locked(connection, study_id)
    values = _columns(priority.position(_standing(row, policy), policy))
    if not let_go and (row["pinned_by"] or row["state"] != WorklistState.SCHEDULED):
        # The reader who has it open must still see the new sentence; what was read stays as it was read.
        kept = ("reason_code", "reason") if row["state"] == WorklistState.IN_PROGRESS else ()
        values = {name: values[name] for name in kept}
    else:
        values["policy"] = policy.describe()
    _write(connection, study_id, **values)


def _first_image(
    connection: Connection, study_id: int, asked: RequestedPriority, policy: OrderPolicy
) -> None:
    arrived = connection.execute(select(study).where(study.c.id == study_id)).mappings().one()
    rule = _rule(arrived["calling_ae"], policy)
    place = priority.position(Standing(asked, arrived["first_arrival"], stat_rule=rule), policy)
    connection.execute(
        insert(worklist_item).values(
            study_id=study_id,
            study_instance_uid=arrived["study_instance_uid"],
            requested_priority=asked,
            arrived_at=arrived["first_arrival"],
            policy=policy.describe(),
            **_columns(place),
        )
    )


def _more_images(
    connection: Connection,
    row: RowMapping,
    asked: RequestedPriority,
    policy: OrderPolicy,
    *,
    new_image: bool,
) -> None:
    study_id = row["study_id"]
    known = RequestedPriority(row["requested_priority"])
    pressing = priority.more_pressing(asked, known)
    read = new_image and row["state"] in (WorklistState.COMPLETED, WorklistState.CANCELED)
    stale = new_image and (row["ai_status"] != AiStatus.WAITING or row["outcome"] != "")
    if read:
        _write(connection, study_id, state=WorklistState.SCHEDULED, version=_ITEM.version + 1, **_NOBODY)
        remember(connection, audit.SYSTEM, WorklistEvent.NEW_IMAGES, study_id)
    if new_image and row["state"] == WorklistState.IN_PROGRESS:
        # Whoever has it open must not complete what they have not seen.
        _write(connection, study_id, version=_ITEM.version + 1)
    if stale:
        _forget_answer(connection, study_id)
    if pressing is not known:
        _write(connection, study_id, requested_priority=pressing)
    if read or stale or pressing is not known:
        reposition(connection, study_id, policy, let_go=read)
    else:
        touch(connection, study_id)


def _forget_answer(connection: Connection, study_id: int) -> None:
    # Whoever moved the study down judged the answer that is forgotten here.
    gone = connection.execute(delete(lowering).where(lowering.c.study_id == study_id))
    if gone.rowcount:
        remember(connection, audit.SYSTEM, WorklistEvent.RAISE, study_id)
    _write(
        connection,
        study_id,
        ai_status=AiStatus.WAITING,
        ai_reason="",
        ai_sentence="",
        flagged_before=or_(_ITEM.flagged_before, _ITEM.outcome == TriageOutcome.FLAGGED),
        outcome="",
        probability=None,
        threshold=None,
    )


def _write(connection: Connection, study_id: int, **values: Any) -> None:
    statement = (
        update(worklist_item).where(_ITEM.study_id == study_id).values(changed_at=func.now(), **values)
    )
    if connection.execute(statement).rowcount == 0:
        raise NotFound("worklist", f"study {study_id} is not on the worklist")


def _find(connection: Connection, study_id: int) -> RowMapping | None:
    lowered = lowering.c.reader.label("lowered_by"), lowering.c.why.label("lowered_why")
    query = (
        select(worklist_item, study.c.calling_ae, *lowered)
        .join(study, study.c.id == _ITEM.study_id)
        .outerjoin(lowering, lowering.c.study_id == _ITEM.study_id)
        .where(_ITEM.study_id == study_id)
    )
    return connection.execute(query.with_for_update(of=worklist_item)).mappings().one_or_none()


def locked(connection: Connection, study_id: int) -> RowMapping:
    """Return the row under its lock; raises NotFound."""
    row = _find(connection, study_id)
    if row is None:
        raise NotFound("worklist", f"study {study_id} is not on the worklist")
    return row


def _columns(place: Position) -> dict[str, Any]:
    return {
        "tier": place.tier,
        "key": place.key,
        "reason_code": place.reason_code,
        "reason": place.sentence,
    }


def _standing(row: RowMapping, policy: OrderPolicy) -> Standing:
    return Standing(
        requested=RequestedPriority(row["requested_priority"]),
        arrived_at=row["arrived_at"],
        ai_status=AiStatus(row["ai_status"]),
        ai_sentence=row["ai_sentence"],
        outcome=TriageOutcome(row["outcome"]) if row["outcome"] else None,
        probability=row["probability"],
        pin=Pin(row["pinned_by"], row["pin_reason"]) if row["pinned_by"] else None,
        lowered=Lowered(row["lowered_by"], row["lowered_why"]) if row["lowered_by"] else None,
        stat_rule=_rule(row["calling_ae"], policy),
        read_before=row["completed_at"] is not None,
        flagged_before=row["flagged_before"],
        key_so_far=row["key"],
    )


def _rule(calling_ae: str, policy: OrderPolicy) -> str:
    return calling_ae if calling_ae in policy.stat_calling_aes else ""


def hold_of(found: RowMapping) -> Hold:
    """Return the part of a row that people act on."""
    return Hold(
        WorklistState(found["state"]),
        found["version"],
        found["claimed_by"],
        _local(found["claimed_at"]),
        found["claimed_until"],
        found["completed_by"],
        _local(found["completed_at"]),
    )


def _local(moment: datetime | None) -> datetime | None:
    """Return the site's wall clock: refusals are read by people."""
    return moment.astimezone() if moment else None
