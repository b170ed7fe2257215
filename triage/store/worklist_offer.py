"""Which study `next` hands out: the first of the order that nobody holds, that is complete, and not skipped.

A row that another transaction has locked is passed over (FOR UPDATE SKIP LOCKED), except one that the
guard put first: that would be one overtaking too many, and its lock lasts as long as a result is written.
"""

from __future__ import annotations

from sqlalchemy import Connection, func, select

from triage.domain.policy import OrderPolicy
from triage.domain.worklist import WorklistState
from triage.store.engine import lock_within
from triage.store.intervals import seconds
from triage.store.skips import not_skipped_by
from triage.store.tables import study
from triage.store.worklist_guard import lines
from triage.store.worklist_sequence import GUARDED, places, sequence
from triage.store.worklist_tables import worklist_item

_ITEM = worklist_item.c
# A study whose images are still coming is not handed out, unless it has been coming for this long.
RECEIVING_SECONDS = 120
_CANDIDATES = 16
_TRIES = 4
_WAIT_MS = 1000


def offered(connection: Connection, policy: OrderPolicy, reader: str) -> int | None:
    """Lock and return the study that is `reader`'s next, None when there is none.

    `policy` is the one in force and openings are one at a time, both held by the caller.
    """
    passed: list[int] = []
    for _ in range(_TRIES):
        first = _candidates(connection, policy, reader, passed)
        if not first:
            return None
        for study_id, part in first:
            if _take_lock(connection, study_id, wait=part == GUARDED):
                return study_id
        passed += [study_id for study_id, _ in first]
    return None


def _candidates(
    connection: Connection, policy: OrderPolicy, reader: str, passed: list[int]
) -> list[tuple[int, int]]:
    waited = func.now() - seconds(RECEIVING_SECONDS)
    complete_enough = (study.c.state != "receiving") | (study.c.opened_at <= waited)
    conditions = [_ITEM.state == WorklistState.SCHEDULED, complete_enough, not_skipped_by(reader)]
    if passed:
        conditions.append(_ITEM.study_id.not_in(passed))
    rows = sequence(lines(connection, policy), _CANDIDATES, *conditions, with_study=True)
    query = select(rows.c.study_id, rows.c.part).order_by(*places(rows))
    return [(int(study_id), int(part)) for study_id, part in connection.execute(query)]


def _take_lock(connection: Connection, study_id: int, *, wait: bool) -> bool:
    free = select(_ITEM.study_id).where(_ITEM.study_id == study_id, _ITEM.state == WorklistState.SCHEDULED)
    if connection.execute(free.with_for_update(skip_locked=True)).scalar_one_or_none() is not None:
        return True
    return wait and lock_within(connection, free.with_for_update(), _WAIT_MS)
