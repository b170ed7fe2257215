"""Hop 12: what people do to the reading worklist, each act in one transaction with its audit line.

Promises: compare-and-set on the row's version under its lock, so that of two claimers exactly one wins
and the other is told who and when; a claim ends by itself; `next_row` never hands one study to two.
Other stages move rows through `arrive`, `apply_result`, `not_analysed` (see worklist_order).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, func, select, update

from triage.domain.priority import OrderPolicy
from triage.domain.spoken import one_line
from triage.domain.worklist import (
    CLAIM_MINUTES,
    Hold,
    WorklistEvent,
    WorklistRow,
    WorklistState,
    claim_end,
    decide,
)
from triage.store import audit
from triage.store.engine import database_now, transaction
from triage.store.worklist_guard import one_at_a_time, record_opening
from triage.store.worklist_offer import offered
from triage.store.worklist_order import (
    USUAL,
    analysis_started,
    apply_result,
    arrive,
    hold_of,
    locked,
    not_analysed,
    remember,
    reposition,
    touch,
)
from triage.store.worklist_page import counts, detail, find, page, read_row, row, standing
from triage.store.worklist_policy import in_force
from triage.store.worklist_tables import worklist_item

__all__ = [
    "analysis_started",
    "apply_result",
    "arrive",
    "cancel",
    "claim",
    "complete",
    "counts",
    "detail",
    "expire_claims",
    "find",
    "next_row",
    "not_analysed",
    "page",
    "pin",
    "release",
    "reopen",
    "row",
    "standing",
    "touch",
    "unpin",
]

_ITEM = worklist_item.c
_E = WorklistEvent
_UNCLAIMED: dict[str, Any] = {"claimed_by": "", "claimed_at": None, "claimed_until": None}


def claim(
    engine: Engine,
    study_id: int,
    actor: str,
    version: int | None = None,
    *,
    minutes: float = CLAIM_MINUTES,
    policy: OrderPolicy = USUAL,
) -> WorklistRow:
    """Take the study for reading, or lengthen one's own claim; Conflict says who has it and since when."""
    with transaction(engine) as connection:
        policy = in_force(connection, policy).policy
        one_at_a_time(connection)
        now = database_now(connection)
        held = _lapse(connection, study_id, now, policy)
        mine = held.state is WorklistState.IN_PROGRESS and held.reader == actor
        event = _E.RENEW if mine else _E.CLAIM
        decide(held, event, actor, version=version)
        _take(connection, study_id, actor, now, minutes, policy, renewed=mine)
        return read_row(connection, study_id, policy)


def next_row(
    engine: Engine, reader: str, *, minutes: float = CLAIM_MINUTES, policy: OrderPolicy = USUAL
) -> WorklistRow | None:
    """Claim the first study of the order that nobody holds, or return None when none is waiting."""
    expire_claims(engine, policy)
    with transaction(engine) as connection:
        policy = in_force(connection, policy).policy
        one_at_a_time(connection)
        study_id = offered(connection, policy, reader)
        if study_id is None:
            return None
        now = database_now(connection)
        _take(connection, study_id, reader, now, minutes, policy, renewed=False, offered=True)
        return read_row(connection, study_id, policy)


def release(
    engine: Engine,
    study_id: int,
    actor: str,
    version: int | None = None,
    *,
    override: bool = False,
    policy: OrderPolicy = USUAL,
) -> WorklistRow:
    """Give the study back to the list; `override` lets an administrator end another's claim."""
    return _act(engine, study_id, actor, _E.RELEASE, version, _UNCLAIMED, override=override, policy=policy)


def complete(
    engine: Engine,
    study_id: int,
    actor: str,
    version: int | None = None,
    *,
    override: bool = False,
    policy: OrderPolicy = USUAL,
) -> WorklistRow:
    """Mark the study as read."""
    values = {**_UNCLAIMED, "completed_by": actor, "completed_at": func.now()}
    return _act(engine, study_id, actor, _E.COMPLETE, version, values, override=override, policy=policy)


def reopen(
    engine: Engine, study_id: int, actor: str, version: int | None = None, *, policy: OrderPolicy = USUAL
) -> WorklistRow:
    """Undo `complete` or `cancel`."""
    values = {"completed_by": "", "completed_at": None}
    return _act(engine, study_id, actor, _E.REOPEN, version, values, policy=policy)


def cancel(
    engine: Engine,
    study_id: int,
    actor: str,
    version: int | None = None,
    *,
    override: bool = False,
    policy: OrderPolicy = USUAL,
) -> WorklistRow:
    """Take the study off the list without reading it."""
    return _act(engine, study_id, actor, _E.CANCEL, version, _UNCLAIMED, override=override, policy=policy)


def pin(
    engine: Engine,
    study_id: int,
    actor: str,
    version: int | None = None,
    *,
    note: str = "",
    policy: OrderPolicy = USUAL,
) -> WorklistRow:
    """Put the study first, by a person's name and reason."""
    values = {"pinned_by": actor, "pin_reason": one_line(note, 200), "pinned_at": func.now()}
    return _act(engine, study_id, actor, _E.PIN, version, values, policy=policy)


def unpin(
    engine: Engine, study_id: int, actor: str, version: int | None = None, *, policy: OrderPolicy = USUAL
) -> WorklistRow:
    """Take the pin away: the study goes to the place its order and result give it."""
    values = {"pinned_by": "", "pin_reason": "", "pinned_at": None}
    return _act(engine, study_id, actor, _E.UNPIN, version, values, policy=policy)


def expire_claims(engine: Engine, policy: OrderPolicy = USUAL) -> int:
    """Give back every study whose claim ran out; return how many."""
    lapsed = (
        select(_ITEM.study_id)
        .where(_ITEM.state == WorklistState.IN_PROGRESS, _ITEM.claimed_until <= func.now())
        .with_for_update(skip_locked=True)
    )
    with transaction(engine) as connection:
        policy = in_force(connection, policy).policy
        found = connection.execute(lapsed).scalars().all()
        for study_id in found:
            _lapse(connection, study_id, database_now(connection), policy)
    return len(found)


def _act(
    engine: Engine,
    study_id: int,
    actor: str,
    event: WorklistEvent,
    version: int | None,
    values: dict[str, Any],
    *,
    policy: OrderPolicy,
    override: bool = False,
) -> WorklistRow:
    told = (study_id, actor, event, version, values)
    with transaction(engine) as connection:
        return act_within(connection, *told, policy=policy, override=override)


def act_within(
    connection: Connection,
    study_id: int,
    actor: str,
    event: WorklistEvent,
    version: int | None,
    values: Mapping[str, Any],
    *,
    policy: OrderPolicy,
    override: bool = False,
    detail: Mapping[str, Any] | None = None,
) -> WorklistRow:
    """Do one act of a person inside the caller's transaction: compare, set, remember, give the row its place.

    `policy` is what the settings say. The caller holds no row of the worklist yet, or the policy as well.
    """
    policy = in_force(connection, policy).policy
    if event is _E.COMPLETE:
        one_at_a_time(connection)
    held = _lapse(connection, study_id, database_now(connection), policy)
    following = decide(held, event, actor, version=version, override=override)
    if event is _E.COMPLETE:
        # Read without a claim: an opening all the same. A claimed one was counted when it was claimed.
        record_opening(connection, locked(connection, study_id), actor, policy, offered=False)
    _step(connection, study_id, following, values)
    remember(connection, actor, event, study_id, {"from": held.state, **(detail or {})})
    _settle(connection, study_id, event, policy)
    return read_row(connection, study_id, policy)


def _settle(connection: Connection, study_id: int, event: WorklistEvent, policy: OrderPolicy) -> None:
    """Give the row its place after a person's act; a claim, a completion and a cancellation leave it."""
    held = locked(connection, study_id)
    waiting = held["state"] == WorklistState.SCHEDULED
    if event in (_E.PIN, _E.UNPIN) or (waiting and not held["pinned_by"]):
        reposition(connection, study_id, policy, let_go=True)
    elif event in (_E.LOWER, _E.RAISE):
        reposition(connection, study_id, policy)


def _take(
    connection: Connection,
    study_id: int,
    actor: str,
    now: datetime,
    minutes: float,
    policy: OrderPolicy,
    *,
    renewed: bool,
    offered: bool = False,
) -> None:
    values: dict[str, Any] = {"claimed_by": actor, "claimed_until": claim_end(now, minutes)}
    if not renewed:
        record_opening(connection, locked(connection, study_id), actor, policy, offered=offered)
        values |= {"claimed_at": now, "opened_at": func.coalesce(_ITEM.opened_at, now)}
    _step(connection, study_id, WorklistState.IN_PROGRESS, values)
    remember(connection, actor, _E.RENEW if renewed else _E.CLAIM, study_id)


def _step(connection: Connection, study_id: int, state: WorklistState, values: Mapping[str, Any]) -> None:
    pinned = values.get("pinned_by", _ITEM.pinned_by)
    connection.execute(
        update(worklist_item)
        .where(_ITEM.study_id == study_id)
        .values(
            state=state,
            version=_ITEM.version + 1,
            touched_by_person=(pinned != "") if state is WorklistState.SCHEDULED else True,
            changed_at=func.now(),
            handled_at=func.now(),
            **values,
        )
    )


def _lapse(connection: Connection, study_id: int, now: datetime, policy: OrderPolicy) -> Hold:
    """Lock the row, end its claim if that ran out, and return how it is held now."""
    found = locked(connection, study_id)
    held = hold_of(found)
    if not held.lapsed(now):
        return held
    following = decide(held, _E.EXPIRE, audit.SYSTEM)
    _step(connection, study_id, following, _UNCLAIMED)
    remember(connection, audit.SYSTEM, _E.EXPIRE, study_id, {"reader": held.reader})
    _settle(connection, study_id, _E.EXPIRE, policy)
    return hold_of(locked(connection, study_id))
