"""A person moves a study down: what a result had raised is taken back, by name and with a reason.

Promises: the study is never hidden and never below the place its class and arrival give it; the act is
audited and can be undone; new images, or another answer that flags, ask anew. Refused where no result has raised it.
"""

from __future__ import annotations

from sqlalchemy import Engine, delete, func
from sqlalchemy.dialects.postgresql import insert

from triage.domain.errors import Refused
from triage.domain.priority import OrderPolicy, numbers
from triage.domain.reading import LowerReason, lower_why
from triage.domain.worklist import WorklistEvent, WorklistRow
from triage.store.engine import transaction
from triage.store.reading_tables import lowering
from triage.store.worklist import act_within
from triage.store.worklist_order import USUAL, locked
from triage.store.worklist_policy import hold, in_force
from triage.store.worklist_rekey import standing


def lower(
    engine: Engine,
    study_id: int,
    actor: str,
    version: int | None = None,
    *,
    reason: LowerReason | None,
    note: str = "",
    policy: OrderPolicy = USUAL,
) -> WorklistRow:
    """Move the study down to the place of its class; raises Refused without a reason or a raise, Conflict."""
    why = lower_why(reason, note)
    values = {"reader": actor, "reason": reason, "why": why, "at": func.now()}
    written = (
        insert(lowering)
        .values(study_id=study_id, **values)
        .on_conflict_do_update(index_elements=["study_id"], set_=values)
    )
    with transaction(engine) as connection:
        in_use = in_force(connection, policy).policy
        behind = numbers(standing(locked(connection, study_id), in_use), in_use)
        if behind.key >= behind.key_of_class:
            raise Refused("not-raised", "No result has raised this study")
        connection.execute(written)
        told = {"reason": reason}
        return act_within(
            connection, study_id, actor, WorklistEvent.LOWER, version, {}, policy=policy, detail=told
        )


def lift(
    engine: Engine, study_id: int, actor: str, version: int | None = None, *, policy: OrderPolicy = USUAL
) -> WorklistRow:
    """Undo `lower`: the study goes to the place that its result gives it."""
    with transaction(engine) as connection:
        hold(connection)
        locked(connection, study_id)
        connection.execute(delete(lowering).where(lowering.c.study_id == study_id))
        return act_within(connection, study_id, actor, WorklistEvent.RAISE, version, {}, policy=policy)
