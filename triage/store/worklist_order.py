"""Where a study stands in the list: written by arrival, dispatch and results, inside their transactions.

Promises: a row exists from the first image; a machine raises a row, lowers only what a result had raised,
and never moves one that a person holds (claimed, pinned, read): what it learnt meanwhile counts when the
person lets go. `policy` is what the settings say; the recorded policy in force is used in its stead, and
is locked (shared) before the one row that a statement moves. `version` counts people's acts, re-openings and images that come
while somebody reads, so that a claim is never refused because a result came in between.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, delete, func, insert, or_, select, update

from triage.domain import priority
from triage.domain.analysis import AnalysisState
from triage.domain.errors import NotFound
from triage.domain.finding import CurvePattern, Triage, TriageOutcome
from triage.domain.priority import AiStatus, Counted, OrderPolicy, Position, RequestedPriority, Standing
from triage.domain.requested import raised, requested_priority
from triage.domain.worklist import Hold, WorklistEvent, WorklistState
from triage.store import audit
from triage.store.reading_tables import lowering
from triage.store.tables import analysis, study
from triage.store.worklist_policy import hold, in_force
from triage.store.worklist_rekey import counted, standing, standing_rows
from triage.store.worklist_tables import worklist_item

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
    word = RequestedPriority.STAT if calling_ae in policy.stat_calling_aes else requested
    policy = in_force(connection, policy).policy
    row = _find(connection, study_id)
    if row is None:
        _first_image(connection, study_id, requested_priority(word), policy)
    else:
        _more_images(connection, row, word, policy, new_image=new_image)


def analysis_queued(connection: Connection, study_id: int, policy: OrderPolicy = USUAL) -> None:
    """Say that an analysis is planned or asked for again; an older answer is no longer the current one.

    The place still rests on it until the newer analysis has an answer of its own.
    """
    policy = in_force(connection, policy).policy
    _forget_answer(connection, study_id)
    reposition(connection, study_id, policy)


def analysis_started(connection: Connection, study_id: int, policy: OrderPolicy = USUAL) -> None:
    """Say that a worker is at it."""
    policy = in_force(connection, policy).policy
    _write(connection, study_id, ai_status=AiStatus.RUNNING, ai_reason="", ai_sentence="")
    reposition(connection, study_id, policy)


def apply_result(
    connection: Connection,
    study_id: int,
    triage: Triage,
    policy: OrderPolicy = USUAL,
    pattern: CurvePattern | None = None,
) -> None:
    """Record the answer of an analysis and give the row the place it deserves.

    A newer answer may take back what an older one of the same algorithm had raised, unless a person has touched the
    study: radiographs say nothing about what was seen on an MR, nor the other way round.
    """
    policy = in_force(connection, policy).policy
    row = locked(connection, study_id)
    # A retry says again what an early `place` has said: a person may have judged that flag meanwhile.
    said = row["outcome"] == TriageOutcome.FLAGGED and row["probability"] == triage.probability
    if triage.outcome is TriageOutcome.FLAGGED and not said:
        _forget_lowering(connection, study_id)
    by_person = any(row[name] for name in ("handled_at", "opened_at", "completed_at", "pinned_by"))
    rests_on = priority.still_counts(
        counted(row),
        Counted.of(triage, pattern),
        only_raises=by_person or _several_algorithms(connection, study_id),
    )
    _write(
        connection,
        study_id,
        ai_status=AiStatus.DONE,
        ai_reason=triage.reason,
        ai_sentence=triage.sentence,
        outcome=triage.outcome,
        probability=triage.probability,
        threshold=triage.threshold,
        counted=asdict(rests_on) if rests_on else None,
        flagged_before=or_(_ITEM.flagged_before, _ITEM.outcome == TriageOutcome.FLAGGED),
    )
    reposition(connection, study_id, policy)


def _several_algorithms(connection: Connection, study_id: int) -> bool:
    """Tell whether answers of more than one algorithm were given on the study, the one under way included."""
    told = or_(analysis.c.outcome.is_not(None), analysis.c.state == AnalysisState.RUNNING)
    query = select(func.count(analysis.c.algorithm.distinct())).where(analysis.c.study_id == study_id, told)
    return int(connection.execute(query).scalar_one()) > 1


def not_analysed(
    connection: Connection,
    study_id: int,
    reason: str,
    sentence: str,
    policy: OrderPolicy = USUAL,
) -> None:
    """Say that there will be no answer, and why; the row keeps its place."""
    policy = in_force(connection, policy).policy
    _forget_answer(connection, study_id)
    _write(connection, study_id, ai_status=AiStatus.NOT_ANALYSED, ai_reason=reason, ai_sentence=sentence)
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
    hold(connection)
    connection.execute(update(worklist_item).where(_ITEM.study_id == study_id).values(changed_at=func.now()))


def reposition(connection: Connection, study_id: int, policy: OrderPolicy, *, let_go: bool = False) -> None:
    """Recompute the place and its sentence. A row that a person holds keeps its place until let go of.

    `policy` is the one in force, held by the caller.
    """
    row = locked(connection, study_id)
    values = _columns(priority.position(standing(row, policy), policy))
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
            waits_since=arrived["first_arrival"],
            policy=policy.describe(),
            **_columns(place),
        )
    )


def _more_images(
    connection: Connection,
    row: RowMapping,
    word: str,
    policy: OrderPolicy,
    *,
    new_image: bool,
) -> None:
    study_id = row["study_id"]
    known = RequestedPriority(row["requested_priority"])
    pressing = raised(known, word)
    read = new_image and row["state"] in (WorklistState.COMPLETED, WorklistState.CANCELED)
    stale = new_image and (row["ai_status"] != AiStatus.WAITING or row["outcome"] != "")
    if read:
        # It was read: the wait that others may not prolong for ever begins anew.
        again = {"state": WorklistState.SCHEDULED, "version": _ITEM.version + 1, "waits_since": func.now()}
        _write(connection, study_id, **again, **_NOBODY)
        remember(connection, audit.SYSTEM, WorklistEvent.NEW_IMAGES, study_id)
    if new_image and row["state"] == WorklistState.IN_PROGRESS:
        # Whoever has it open must not complete what they have not seen.
        _write(connection, study_id, version=_ITEM.version + 1)
    if stale:
        _forget_lowering(connection, study_id)
        _forget_answer(connection, study_id)
    if pressing is not known:
        _write(connection, study_id, requested_priority=pressing)
    if read or stale or pressing is not known:
        reposition(connection, study_id, policy, let_go=read)
    else:
        touch(connection, study_id)


def _forget_answer(connection: Connection, study_id: int) -> None:
    rests_on = counted(locked(connection, study_id))
    _write(
        connection,
        study_id,
        ai_status=AiStatus.WAITING,
        ai_reason="",
        ai_sentence="",
        flagged_before=or_(_ITEM.flagged_before, _ITEM.outcome == TriageOutcome.FLAGGED),
        counted=asdict(rests_on) if rests_on else None,
        outcome="",
        probability=None,
        threshold=None,
    )


def _forget_lowering(connection: Connection, study_id: int) -> None:
    """Ask anew what a person had judged: the images or the flag are others. The caller holds the row."""
    gone = connection.execute(delete(lowering).where(lowering.c.study_id == study_id))
    if gone.rowcount:
        remember(connection, audit.SYSTEM, WorklistEvent.RAISE, study_id)


def _write(connection: Connection, study_id: int, **values: Any) -> None:
    statement = (
        update(worklist_item).where(_ITEM.study_id == study_id).values(changed_at=func.now(), **values)
    )
    if connection.execute(statement).rowcount == 0:
        raise NotFound("worklist", f"study {study_id} is not on the worklist")


def _find(connection: Connection, study_id: int) -> RowMapping | None:
    query = standing_rows().where(_ITEM.study_id == study_id).with_for_update(of=worklist_item)
    return connection.execute(query).mappings().one_or_none()


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
