"""Every waiting study gets its key anew after a change of policy, in the transaction that changes it.

The keys are computed here by the same function as everywhere and written in statements of a bounded
size. Held and pinned rows as well: keys of two policies cannot be compared.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, Select, Text, cast, func, select, text, update
from sqlalchemy.dialects.postgresql import ARRAY, BIGINT, DOUBLE_PRECISION, INTEGER

from triage.domain import priority
from triage.domain.finding import TriageOutcome
from triage.domain.policy import FRESH_FRACTURE, OrderPolicy
from triage.domain.priority import AiStatus, Counted, Lowered, Pin, Position, RequestedPriority, Standing
from triage.domain.worklist import WorklistState
from triage.store.listener import CHANNEL, EVERYBODY
from triage.store.reading_tables import lowering
from triage.store.tables import study
from triage.store.worklist_guard import lines
from triage.store.worklist_tables import worklist_item

_ITEM = worklist_item.c
BATCH = 5000


def standing_rows() -> Select[Any]:
    """Return the query of rows with all that `standing` reads of them."""
    return (
        select(
            worklist_item,
            study.c.calling_ae,
            lowering.c.reader.label("lowered_by"),
            lowering.c.why.label("lowered_why"),
        )
        .join(study, study.c.id == _ITEM.study_id)
        .outerjoin(lowering, lowering.c.study_id == _ITEM.study_id)
    )


def standing(row: RowMapping, policy: OrderPolicy) -> Standing:
    """Return what the place of a row of `standing_rows` depends on."""
    return Standing(
        requested=RequestedPriority(row["requested_priority"]),
        arrived_at=row["arrived_at"],
        ai_status=AiStatus(row["ai_status"]),
        ai_sentence=row["ai_sentence"],
        outcome=TriageOutcome(row["outcome"]) if row["outcome"] else None,
        counted=counted(row),
        pin=Pin(row["pinned_by"], row["pin_reason"]) if row["pinned_by"] else None,
        lowered=Lowered(row["lowered_by"], row["lowered_why"]) if row["lowered_by"] else None,
        stat_rule=row["calling_ae"] if row["calling_ae"] in policy.stat_calling_aes else "",
        read_before=row["completed_at"] is not None,
        flagged_before=row["flagged_before"],
    )


def counted(row: RowMapping) -> Counted | None:
    """Return the answer the row's place rests on.

    A worker of the version before writes its answer without it: what is kept beside is then older, and the answer
    may raise it. A worker of this version never keeps less than the answer says.
    """
    kept, outcome = row["counted"], row["outcome"]
    rests_on = None if kept is None else Counted(bool(kept["flagged"]), kept["findings"])
    if row["probability"] is None or outcome not in (TriageOutcome.FLAGGED, TriageOutcome.NOT_FLAGGED):
        return rests_on
    answer = Counted(outcome == TriageOutcome.FLAGGED, {FRESH_FRACTURE: row["probability"]})
    return priority.still_counts(rests_on, answer, only_raises=True)


def follows(connection: Connection, policy: OrderPolicy) -> bool:
    """Tell whether every study that nobody holds stands where the policy puts it; locks nothing."""
    free = standing_rows().where(_ITEM.state == WorklistState.SCHEDULED, _ITEM.pinned_by == "")
    return not any(
        _moves(row, priority.position(standing(row, policy), policy), policy)
        for row in connection.execute(free).mappings()
    )


def rekey(connection: Connection, before: OrderPolicy, policy: OrderPolicy) -> tuple[int, int, int]:
    """Re-key what waits; return how many wait, how many keys changed and how many stand elsewhere now."""
    query = (
        standing_rows()
        .where(_ITEM.state.in_([WorklistState.SCHEDULED, WorklistState.IN_PROGRESS]))
        .order_by(_ITEM.study_id)
        .with_for_update(of=worklist_item)
    )
    rows = connection.execute(query).mappings().all()
    places = [priority.position(standing(row, policy), policy) for row in rows]
    old = _order(rows, [(row["tier"], row["key"]) for row in rows], lines(connection, before))
    new = _order(rows, [(int(p.tier), p.key) for p in places], lines(connection, policy))
    changed = [
        (row["study_id"], int(place.tier), place.key, place.reason_code, place.sentence, policy.describe())
        for row, place in zip(rows, places, strict=True)
        if _moves(row, place, policy)
    ]
    connection.execute(text("SET LOCAL triage.rekeying = 'on'"))
    for start in range(0, len(changed), BATCH):
        _write(connection, changed[start : start + BATCH])
    connection.execute(text("SET LOCAL triage.rekeying = 'off'"))
    connection.execute(select(func.pg_notify(CHANNEL, EVERYBODY)))
    return len(rows), len(changed), sum(1 for one, other in zip(old, new, strict=True) if one != other)


def _moves(row: RowMapping, place: Position, policy: OrderPolicy) -> bool:
    return (row["tier"], row["key"], row["policy"]) != (place.tier, place.key, policy.describe())


def _order(
    rows: Sequence[RowMapping], keys: Sequence[tuple[int, float]], guard: Mapping[str, datetime]
) -> list[int]:
    """Return each row's position, in the order of the rows."""

    def place(index: int) -> tuple[Any, ...]:
        row, (tier, key) = rows[index], keys[index]
        line = guard.get(row["requested_priority"])
        if tier == priority.Tier.REST and line is not None and row["waits_since"] < line:
            return tier, 0, 0.0, row["waits_since"], row["study_instance_uid"]
        return tier, 1, key, row["arrived_at"], row["study_instance_uid"]

    ranked = sorted(range(len(rows)), key=place)
    positions = [0] * len(rows)
    for position, index in enumerate(ranked):
        positions[index] = position
    return positions


def _write(connection: Connection, changed: Sequence[tuple[Any, ...]]) -> None:
    ids, tiers, keys, codes, sentences, policies = (list(column) for column in zip(*changed, strict=True))
    new = func.unnest(
        cast(ids, ARRAY(BIGINT)),
        cast(tiers, ARRAY(INTEGER)),
        cast(keys, ARRAY(DOUBLE_PRECISION)),
        cast(codes, ARRAY(Text)),
        cast(sentences, ARRAY(Text)),
        cast(policies, ARRAY(Text)),
    ).table_valued("study_id", "tier", "key", "reason_code", "reason", "policy", name="new")
    new = new.render_derived()  # without it the columns have no names
    connection.execute(
        update(worklist_item)
        .where(_ITEM.study_id == new.c.study_id)
        .values(
            tier=new.c.tier,
            key=new.c.key,
            reason_code=new.c.reason_code,
            reason=new.c.reason,
            policy=new.c.policy,
            changed_at=func.now(),
        )
    )
