"""Pages of a list that moves while it is read: the next goes on where the one before ended, in real Postgres."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import Engine, text

from tests import worklist_cast as cast
from triage.domain.errors import Unprocessable
from triage.domain.reading import LowerReason
from triage.domain.worklist import Tab
from triage.store import lowering, worklist
from triage.store.engine import transaction
from triage.store.paging import page_end

Act = Callable[[Engine, int], object]


def completed(engine: Engine, study_id: int) -> None:
    worklist.complete(engine, study_id, "Dr A", policy=cast.POLICY)


def read_and_answered_late(engine: Engine, study_id: int) -> None:
    worklist.claim(engine, study_id, "Dr A", policy=cast.POLICY)
    cast.answer(engine, study_id, cast.not_flagged())
    worklist.complete(engine, study_id, "Dr A", policy=cast.POLICY)


def moved_down(engine: Engine, study_id: int) -> None:
    lowering.lower(engine, study_id, "Dr A", reason=LowerReason.KNOWN_OLD, policy=cast.POLICY)


def flag_taken_back(engine: Engine, study_id: int) -> None:
    cast.answer(engine, study_id, cast.not_flagged())


def pinned(engine: Engine, study_id: int) -> None:
    worklist.pin(engine, study_id, "Dr A", policy=cast.POLICY)


def deleted(engine: Engine, study_id: int) -> None:
    with transaction(engine) as connection:
        connection.execute(text("DELETE FROM study WHERE id = :id"), {"id": study_id})


@pytest.mark.parametrize(
    "act", [completed, read_and_answered_late, moved_down, flag_taken_back, pinned, deleted]
)
def test_the_next_page_goes_on_where_the_last_row_stood_whatever_became_of_it(
    engine: Engine, act: Act
) -> None:
    ids = [cast.image_arrives(engine, f"p{n}", waited_minutes=50 - n) for n in range(8)]
    # The flagged come last of the first page: whoever moves them moves them far.
    for study_id in ids[:3]:
        cast.answer(engine, study_id, cast.flagged())
    first = worklist.page(engine, limit=3)
    assert [row.study_id for row in first] == ids[:3]
    end = page_end(Tab.UNREAD, first[-1])
    act(engine, ids[2])
    rest = [row.study_id for row in worklist.page(engine, after=end) if row.study_id != ids[2]]
    assert rest == ids[3:], "nothing is passed over and nothing comes twice"


def test_what_was_read_is_paged_on_from_a_study_that_was_opened_again(engine: Engine) -> None:
    ids = [cast.image_arrives(engine, f"r{n}") for n in range(5)]
    for study_id in ids:
        worklist.complete(engine, study_id, "Dr A", policy=cast.POLICY)
    first = worklist.page(engine, Tab.READ, limit=2)
    end = page_end(Tab.READ, first[-1])
    worklist.reopen(engine, first[-1].study_id, "Dr A", policy=cast.POLICY)
    rest = worklist.page(engine, Tab.READ, after=end)
    assert [row.study_id for row in rest] == ids[2::-1]


def test_a_page_of_one_tab_has_no_next_page_in_another(engine: Engine) -> None:
    cast.image_arrives(engine, "one")
    (row,) = worklist.page(engine)
    with pytest.raises(Unprocessable, match="begin again"):
        worklist.page(engine, Tab.ALL, after=page_end(Tab.UNREAD, row))
