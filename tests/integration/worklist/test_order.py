"""The order in real Postgres: what arrival, answers and people do to it."""

from __future__ import annotations

from sqlalchemy import Engine, text

from tests import worklist_cast as cast
from triage.domain.finding import TriageOutcome
from triage.domain.priority import Tier
from triage.domain.worklist import Tab, WorklistState
from triage.store import worklist
from triage.store.engine import transaction


def test_a_study_is_on_the_list_from_its_first_image(engine: Engine) -> None:
    study_id = cast.image_arrives(engine, "one")
    (row,) = worklist.page(engine)
    assert row.study_id == study_id
    assert (row.reason_code, row.reason) == ("waiting", "Waiting for analysis")
    assert row.images == 1 and row.modalities == ("CR",)


def test_a_flag_moves_a_study_to_the_front_and_says_why(engine: Engine) -> None:
    ids = [cast.image_arrives(engine, f"s{n}", waited_minutes=60 - n) for n in range(4)]
    assert cast.order(engine) == ids
    cast.answer(engine, ids[3], cast.flagged())
    assert cast.order(engine) == [ids[3], *ids[:3]]
    row = worklist.row(engine, ids[3])
    assert row.reason == "Look sooner: possible recent vertebral fracture"
    place = worklist.standing(engine, ids[3])
    assert (place.position, place.position_without_result, place.waiting) == (1, 4, 4)


def test_an_unflagged_study_is_never_behind_one_that_was_not_analysed(engine: Engine) -> None:
    first = cast.image_arrives(engine, "first", waited_minutes=2)
    second = cast.image_arrives(engine, "second", waited_minutes=1)
    cast.answer(engine, first, cast.not_flagged())
    with transaction(engine) as connection:
        worklist.not_analysed(connection, second, "not-a-radiograph", "no model for CT", cast.POLICY)
    assert cast.order(engine) == [first, second]
    assert worklist.row(engine, first).reason == "No triage flag"
    assert worklist.row(engine, second).reason == "Not analysed: no model for CT"
    assert [row.study_id for row in worklist.page(engine, Tab.NOT_ANALYSED)] == [second]


def test_an_abstention_keeps_the_place_and_says_why(engine: Engine) -> None:
    study_id = cast.image_arrives(engine, "odd")
    before = worklist.row(engine, study_id).key
    cast.answer(engine, study_id, cast.abstained())
    row = worklist.row(engine, study_id)
    assert row.key == before
    assert row.reason == "Not analysed: no lateral view of the spine"


def test_stat_by_order_and_by_the_senders_rule_go_before_a_flag(engine: Engine) -> None:
    flagged = cast.image_arrives(engine, "flagged", waited_minutes=500)
    cast.answer(engine, flagged, cast.flagged(0.99))
    ordered = cast.image_arrives(engine, "ordered", requested="STAT")
    by_rule = cast.image_arrives(engine, "rule", calling_ae="ED_CR")
    assert cast.order(engine) == [ordered, by_rule, flagged]
    rows = worklist.page(engine)
    assert [row.reason for row in rows[:2]] == ["Ordered STAT", "Ordered STAT (rule for sender ED_CR)"]


def test_a_later_image_may_raise_the_request_but_never_lower_it(engine: Engine) -> None:
    study_id = cast.image_arrives(engine, "later")
    cast.image_arrives(engine, "later", 2, requested="STAT")
    assert worklist.row(engine, study_id).tier is Tier.STAT
    cast.image_arrives(engine, "later", 3, requested="LOW")
    row = worklist.row(engine, study_id)
    assert (row.tier, row.images) == (Tier.STAT, 3)
    low = cast.image_arrives(engine, "low", requested="LOW")
    cast.image_arrives(engine, "low", 2)
    assert worklist.row(engine, low).requested_priority == "LOW", (
        "an image that says nothing asks for nothing"
    )


def test_a_newer_answer_takes_back_what_an_earlier_one_raised_and_says_so(engine: Engine) -> None:
    study_id = cast.image_arrives(engine, "twice")
    by_class = worklist.row(engine, study_id).key
    cast.answer(engine, study_id, cast.flagged())
    raised = worklist.row(engine, study_id).key
    cast.image_arrives(engine, "twice", 2)
    again = worklist.row(engine, study_id)
    assert (again.ai_status, again.outcome, again.key) == ("waiting", "", raised)
    assert again.reason == "Look sooner: possible recent vertebral fracture (an earlier analysis)"
    cast.answer(engine, study_id, cast.abstained())
    assert worklist.row(engine, study_id).key == raised, "no answer takes nothing back"
    cast.answer(engine, study_id, cast.not_flagged())
    row = worklist.row(engine, study_id)
    assert raised < row.key <= by_class
    assert row.reason == "No triage flag: an earlier analysis flagged this, the newer one does not"


def test_an_answer_on_other_images_takes_nothing_back(engine: Engine) -> None:
    study_id = cast.image_arrives(engine, "both kinds")
    cast.analysed(engine, study_id, cast.flagged())
    raised = worklist.row(engine, study_id).key
    with transaction(engine) as connection:
        connection.execute(text("UPDATE analysis SET algorithm = 'spine-mr-triage'"))
    cast.image_arrives(engine, "both kinds", 2)
    cast.analysed(engine, study_id, cast.not_flagged())
    row = worklist.row(engine, study_id)
    assert (row.outcome, row.key) == (TriageOutcome.NOT_FLAGGED, raised)
    assert row.reason.endswith("(an earlier analysis; the newer one does not flag it)")


def test_no_answer_lowers_a_study_that_a_person_has_touched(engine: Engine) -> None:
    study_id = cast.image_arrives(engine, "touched")
    cast.answer(engine, study_id, cast.flagged())
    worklist.pin(engine, study_id, "Dr Ito")
    worklist.unpin(engine, study_id, "Dr Ito")
    raised = worklist.row(engine, study_id).key
    cast.image_arrives(engine, "touched", 2)
    cast.answer(engine, study_id, cast.not_flagged())
    row = worklist.row(engine, study_id)
    assert row.key == raised
    assert row.reason.endswith("(an earlier analysis; the newer one does not flag it)")


def test_an_answer_never_moves_a_study_that_a_person_holds(engine: Engine) -> None:
    older = cast.image_arrives(engine, "older", waited_minutes=5)
    held = cast.image_arrives(engine, "held")
    worklist.claim(engine, held, "Dr B")
    cast.answer(engine, held, cast.flagged())
    assert cast.order(engine) == [older, held]
    assert worklist.row(engine, held).reason.startswith("Look sooner")
    worklist.release(engine, held, "Dr B", policy=cast.POLICY)
    assert cast.order(engine) == [held, older]


def test_a_pinned_study_is_first_until_it_is_unpinned(engine: Engine) -> None:
    stat = cast.image_arrives(engine, "stat", requested="STAT")
    late = cast.image_arrives(engine, "late")
    worklist.pin(engine, late, "Dr Ito", note="surgeon waiting")
    assert cast.order(engine) == [late, stat]
    assert worklist.row(engine, late).reason == "Pinned by Dr Ito: surgeon waiting"
    worklist.unpin(engine, late, "Dr Ito")
    assert cast.order(engine) == [stat, late]
    assert worklist.row(engine, late).reason == "Waiting for analysis"


def test_a_late_image_makes_a_read_study_one_to_be_read_again(engine: Engine) -> None:
    study_id = cast.image_arrives(engine, "read")
    worklist.complete(engine, study_id, "Dr B")
    assert cast.order(engine) == []
    cast.image_arrives(engine, "read", 1)
    assert cast.order(engine) == [], "a full re-send of the same image changes nothing"
    cast.image_arrives(engine, "read", 2)
    row = worklist.row(engine, study_id)
    assert (row.state, row.reason) == (WorklistState.SCHEDULED, "New images after reading")
    cast.answer(engine, study_id, cast.flagged())
    reason = worklist.row(engine, study_id).reason
    assert reason == "New images after reading. Look sooner: possible recent vertebral fracture"
