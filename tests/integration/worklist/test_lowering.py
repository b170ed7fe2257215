"""Moving a study down: a person's act, by name and reason, that takes back what a result raised and no more."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine

from tests import worklist_cast as cast
from triage.domain.errors import Conflict, Refused
from triage.domain.reading import LowerReason
from triage.store import audit, lowering, worklist, worklist_order
from triage.store.engine import transaction


@pytest.fixture
def raised(engine: Engine) -> list[int]:
    """Three studies; the newest was raised to the top by a flag."""
    ids = [cast.image_arrives(engine, f"l{n}", waited_minutes=9 - n) for n in range(3)]
    for study_id in ids:
        cast.closed(engine, study_id)
    cast.answer(engine, ids[2], cast.flagged())
    assert cast.order(engine) == [ids[2], ids[0], ids[1]]
    return ids


def test_a_study_moved_down_stands_where_its_order_and_arrival_put_it_and_says_who_and_why(
    engine: Engine, raised: list[int]
) -> None:
    row = lowering.lower(engine, raised[2], "Dr A", 1, reason=LowerReason.KNOWN_OLD, policy=cast.POLICY)
    assert cast.order(engine) == raised, "never hidden, never below its class"
    assert (row.reason_code, row.reason) == ("lowered", "Moved down by Dr A: known old fracture")
    assert row.outcome == "FLAGGED", "the answer is still told"
    (entry, *_) = audit.entries(engine, study_id=raised[2])
    assert (entry.actor, entry.action) == ("Dr A", "worklist.lower")
    assert entry.detail["reason"] == "known-old"


def test_moving_down_can_be_undone(engine: Engine, raised: list[int]) -> None:
    before = worklist.row(engine, raised[2])
    row = lowering.lower(engine, raised[2], "Dr A", 1, reason=LowerReason.ARTEFACT, policy=cast.POLICY)
    back = lowering.lift(engine, raised[2], "Dr A", row.version, policy=cast.POLICY)
    assert cast.order(engine) == [raised[2], raised[0], raised[1]]
    assert (back.key, back.reason) == (before.key, before.reason)


def test_a_new_answer_about_new_images_asks_anew(engine: Engine, raised: list[int]) -> None:
    lowering.lower(engine, raised[2], "Dr A", reason=LowerReason.WRONG_VIEW, policy=cast.POLICY)
    cast.image_arrives(engine, "l2", image=2)
    cast.answer(engine, raised[2], cast.flagged())
    assert cast.order(engine)[0] == raised[2]


def test_nothing_is_moved_down_without_a_reason_or_without_having_been_raised(
    engine: Engine, raised: list[int]
) -> None:
    for reason, note in ((None, "because"), (LowerReason.OTHER, "  ")):
        with pytest.raises(Refused, match="Say why"):
            lowering.lower(engine, raised[2], "Dr A", reason=reason, note=note)
    with pytest.raises(Refused, match="No result has raised"):
        lowering.lower(engine, raised[0], "Dr A", reason=LowerReason.DISCUSSED)
    with pytest.raises(Conflict):
        lowering.lower(engine, raised[2], "Dr A", 7, reason=LowerReason.DISCUSSED)
    assert cast.order(engine)[0] == raised[2] and worklist.row(engine, raised[2]).version == 1


def test_who_reads_it_keeps_it_and_it_goes_down_when_let_go_of(engine: Engine, raised: list[int]) -> None:
    worklist.claim(engine, raised[2], "Dr A", policy=cast.POLICY)
    row = lowering.lower(
        engine, raised[2], "Dr A", reason=LowerReason.OTHER, note="seen at noon", policy=cast.POLICY
    )
    assert row.reason == "Moved down by Dr A: seen at noon"
    assert cast.order(engine)[0] == raised[2]
    worklist.release(engine, raised[2], "Dr A", policy=cast.POLICY)
    assert cast.order(engine) == raised


def test_asking_again_without_new_images_leaves_what_a_person_judged(
    engine: Engine, raised: list[int]
) -> None:
    lowering.lower(engine, raised[2], "Dr A", reason=LowerReason.KNOWN_OLD, policy=cast.POLICY)
    with transaction(engine) as connection:
        worklist_order.analysis_queued(connection, raised[2], cast.POLICY)
    assert cast.order(engine) == raised
    cast.answer(engine, raised[2], cast.not_flagged())
    assert cast.order(engine) == raised
    cast.answer(engine, raised[2], cast.flagged())
    assert cast.order(engine)[0] == raised[2], "another flag asks anew"


def test_the_same_flag_said_again_leaves_what_a_person_judged_and_another_asks_anew(
    engine: Engine, raised: list[int]
) -> None:
    lowering.lower(engine, raised[2], "Dr A", reason=LowerReason.KNOWN_OLD, policy=cast.POLICY)
    with transaction(engine) as connection:
        worklist_order.analysis_started(connection, raised[2], cast.POLICY)
    cast.answer(engine, raised[2], cast.flagged())
    assert cast.order(engine) == raised
    assert worklist.row(engine, raised[2]).reason_code == "lowered"
    cast.answer(engine, raised[2], cast.flagged(0.9))
    assert cast.order(engine)[0] == raised[2]
