"""The bound on overtaking and changes of policy in real Postgres: what the page shows is what `next` hands out."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from tests import worklist_cast as cast
from triage.domain.errors import Conflict, Refused, Unavailable
from triage.domain.policy import OrderPolicy
from triage.domain.stop_rule import StopDecision
from triage.domain.worklist import Tab
from triage.store import worklist, worklist_guard, worklist_policy
from triage.store.engine import transaction
from triage.store.paging import PageEnd, page_end

TIGHT = replace(cast.POLICY, guard={"HIGH": 2, "ROUTINE": 3})


def read_next(engine: Engine, reader: str = "Dr Ito") -> int:
    """Take the next study and read it; return its row id."""
    row = worklist.next_row(engine, reader, policy=cast.POLICY)
    assert row is not None
    worklist.complete(engine, row.study_id, reader, policy=cast.POLICY)
    return row.study_id


def arrives(engine: Engine, name: str, ago: float, triage: bool = False, requested: str = "") -> int:
    study_id = cast.image_arrives(engine, name, waited_minutes=ago, requested=requested)
    cast.closed(engine, study_id)
    if triage:
        cast.answer(engine, study_id, cast.flagged(0.95))
    return study_id


def test_after_k_overtakings_the_oldest_goes_first_and_says_so(engine: Engine) -> None:
    worklist_policy.change(engine, cast.POLICY, TIGHT, "Dr B", "a small K")
    patient = arrives(engine, "patient", 100)
    flagged = [arrives(engine, f"f{n}", 50 - n, triage=True) for n in range(6)]
    assert [read_next(engine) for _ in range(3)] == flagged[:3]
    place = worklist.standing(engine, patient, cast.POLICY)
    assert (place.overtaken, place.overtaking_limit, place.position) == (3, 3, 1)
    assert place.row.reason_code == "guarded-waiting"
    assert cast.order(engine) == [patient, *flagged[3:]]
    assert read_next(engine) == patient
    assert worklist_guard.share(engine).promoted == 1


def test_the_sites_own_k_counts_on_the_page_before_any_change_is_recorded(engine: Engine) -> None:
    patient = arrives(engine, "patient", 100)
    flagged = [arrives(engine, f"f{n}", 50 - n, triage=True) for n in range(5)]
    for _ in range(3):
        taken = worklist.next_row(engine, "Dr Ito", policy=TIGHT)
        assert taken is not None
        worklist.complete(engine, taken.study_id, "Dr Ito", policy=TIGHT)
    assert [row.study_id for row in worklist.page(engine, site=TIGHT)] == [patient, *flagged[3:]]
    offered = worklist.next_row(engine, "Dr Ito", policy=TIGHT)
    assert offered is not None and offered.guarded, "the reader who gets it is told why"
    assert [row.guarded for row in worklist.find(engine, str(patient), TIGHT)] == [True]


def test_what_a_person_put_first_is_not_counted_as_overtaking(engine: Engine) -> None:
    worklist_policy.change(engine, cast.POLICY, TIGHT, "Dr B", "a small K")
    patient = arrives(engine, "patient", 100)
    for number in range(4):
        young = arrives(engine, f"stat{number}", 1)
        worklist.pin(engine, young, "Dr B", note="surgeon waiting", policy=cast.POLICY)
        assert read_next(engine) == young
    assert worklist.standing(engine, patient, cast.POLICY).overtaken == 0


def test_urgent_readings_do_not_use_up_what_routine_studies_may_be_overtaken(engine: Engine) -> None:
    worklist_policy.change(engine, cast.POLICY, TIGHT, "Dr B", "a small K")
    routine = [arrives(engine, f"r{n}", 100 - n) for n in range(3)]
    urgent = [arrives(engine, f"u{n}", 50 - n, requested="HIGH") for n in range(5)]
    assert [read_next(engine) for _ in urgent] == urgent, "the class, as people asked for"
    assert worklist.standing(engine, routine[0], cast.POLICY).overtaken == 0
    fresh = arrives(engine, "fresh", 1, triage=True, requested="HIGH")
    assert cast.order(engine) == [fresh, *routine]
    assert not any(row.guarded for row in worklist.page(engine, site=cast.POLICY))


def test_routine_flags_use_up_what_older_urgent_studies_may_be_overtaken(engine: Engine) -> None:
    worklist_policy.change(engine, cast.POLICY, TIGHT, "Dr B", "a small K")
    urgent = arrives(engine, "urgent", 100, requested="HIGH")
    flagged = [arrives(engine, f"f{n}", 50 - n, triage=True) for n in range(3)]
    assert [read_next(engine) for _ in range(2)] == flagged[:2]
    place = worklist.standing(engine, urgent, cast.POLICY)
    assert (place.overtaken, place.overtaking_limit, place.row.guarded) == (2, 2, True)
    assert cast.order(engine) == [urgent, flagged[2]]


def test_openings_under_an_order_that_no_answer_changes_count_for_nothing_afterwards(engine: Engine) -> None:
    worklist_policy.change(engine, cast.POLICY, TIGHT, "Dr B", "a small K")
    worklist_policy.stop(engine, cast.POLICY, "Dr B", "odd flags")
    patient = arrives(engine, "patient", 100)
    for number in range(4):
        young = arrives(engine, f"young{number}", 1)
        worklist.claim(engine, young, "Dr B", policy=cast.POLICY)
        worklist.complete(engine, young, "Dr B", policy=cast.POLICY)
    worklist_policy.resume(engine, cast.POLICY, "Dr B", "mended")
    assert worklist.standing(engine, patient, cast.POLICY).overtaken == 0


def test_a_clock_that_ran_ahead_guards_nobody(engine: Engine) -> None:
    worklist_policy.change(engine, cast.POLICY, TIGHT, "Dr B", "a small K")
    patient = arrives(engine, "patient", 100)
    for number in range(4):
        ahead = arrives(engine, f"ahead{number}", -60 * 24 * 365, triage=True)
        worklist.claim(engine, ahead, "Dr B", policy=cast.POLICY)
        worklist.complete(engine, ahead, "Dr B", policy=cast.POLICY)
    assert not worklist.standing(engine, patient, cast.POLICY).row.guarded
    fresh = arrives(engine, "fresh", 1, triage=True)
    assert cast.order(engine) == [fresh, patient]


def test_the_page_is_the_order_in_which_next_hands_out(engine: Engine) -> None:
    worklist_policy.change(engine, cast.POLICY, TIGHT, "Dr B", "a small K")
    for number in range(12):
        arrives(engine, f"s{number}", 200 - 7 * number, triage=number % 3 == 2)
    handed = []
    for _ in range(12):
        (first, *_) = [row.study_id for row in worklist.page(engine, site=cast.POLICY)]
        handed.append(read_next(engine))
        assert handed[-1] == first
    assert len(set(handed)) == 12
    assert worklist.next_row(engine, "Dr Ito", policy=cast.POLICY) is None


def test_pages_follow_each_other_across_the_guarded_without_gap_or_repeat(engine: Engine) -> None:
    worklist_policy.change(engine, cast.POLICY, TIGHT, "Dr B", "a small K")
    for number in range(14):
        arrives(engine, f"s{number}", 200 - 7 * number, triage=number % 2 == 1)
    for _ in range(3):
        read_next(engine)
    pinned = worklist.page(engine)[-1].study_id
    worklist.pin(engine, pinned, "Dr B", policy=cast.POLICY)
    whole = [row.study_id for row in worklist.page(engine)]
    assert any(row.guarded for row in worklist.page(engine))
    walked: list[int] = []
    end: PageEnd | None = None
    while rows := worklist.page(engine, limit=3, after=end):
        walked += [row.study_id for row in rows]
        end = page_end(Tab.UNREAD, rows[-1])
    assert walked == whole


def test_a_policy_re_keys_every_open_row_whatever_arrives_meanwhile(engine: Engine) -> None:
    ids = [arrives(engine, f"s{n}", 60 - n) for n in range(5)]
    stop = threading.Event()
    more: list[int] = []

    def arriving() -> None:
        while not stop.is_set():
            more.append(cast.image_arrives(engine, f"more{len(more)}"))

    thread = threading.Thread(target=arriving)
    thread.start()
    try:
        for name in ("fifo", "flag", "human", "seniority", "fifo"):
            worklist_policy.change(engine, cast.POLICY, replace(cast.POLICY, name=name), "Dr B", name)
    finally:
        stop.set()
        thread.join(30)
    rows = worklist.page(engine, limit=1000)
    assert len(rows) == len(ids) + len(more)
    assert {row.policy for row in rows} == {"fifo"}


def test_stop_and_resume_keep_the_figures_and_refuse_to_be_done_twice(engine: Engine) -> None:
    worklist_policy.change(engine, cast.POLICY, TIGHT, "Dr B", "a small K")
    old = arrives(engine, "old", 100)
    flagged = arrives(engine, "flagged", 10, triage=True)
    assert cast.order(engine) == [flagged, old]
    worklist_policy.stop(engine, cast.POLICY, "Dr B", "wrong since noon")
    assert cast.order(engine) == [old, flagged]
    with pytest.raises(Conflict, match="wrong since noon"):
        worklist_policy.stop(engine, cast.POLICY, "Dr C", "me too")
    worklist_policy.resume(engine, cast.POLICY, "Dr B", "mended")
    assert worklist_policy.current(engine, cast.POLICY).policy.guard == TIGHT.guard
    with pytest.raises(Conflict):
        worklist_policy.resume(engine, cast.POLICY, "Dr B", "again")
    with pytest.raises(Refused, match="reason"):
        worklist_policy.stop(engine, cast.POLICY, "Dr B", "  ")


def test_the_stop_rule_s_decision_stops_once_and_in_its_own_words(engine: Engine) -> None:
    assert worklist_policy.stop_on(engine, cast.POLICY, StopDecision(False, "all is well")) is None
    done = worklist_policy.stop_on(engine, cast.POLICY, StopDecision(True, "missed fractures wait"))
    assert done is not None and done.version.reason == "stop rule: missed fractures wait"
    assert worklist_policy.stop_on(engine, cast.POLICY, StopDecision(True, "still")) is None


def test_the_history_of_the_policy_cannot_be_rewritten(engine: Engine) -> None:
    worklist_policy.change(engine, cast.POLICY, TIGHT, "Dr B", "a small K")
    for statement in ("UPDATE worklist_policy SET actor = 'x'", "DELETE FROM worklist_policy"):
        with pytest.raises(DBAPIError, match="append-only"), engine.begin() as connection:
            connection.execute(text(statement))


def test_a_newer_answer_takes_back_what_an_older_one_raised_but_not_from_a_person(engine: Engine) -> None:
    one, other = arrives(engine, "one", 20, triage=True), arrives(engine, "other", 10, triage=True)
    alone = worklist.standing(engine, one, cast.POLICY).numbers.key_of_class
    worklist.claim(engine, other, "Dr B", policy=cast.POLICY)
    worklist.release(engine, other, "Dr B", policy=cast.POLICY)
    raised = worklist.row(engine, other).key
    for study_id in (one, other):
        cast.answer(engine, study_id, cast.not_flagged())
    lowered = worklist.row(engine, one)
    assert lowered.key == pytest.approx(worklist.standing(engine, one, cast.POLICY).numbers.key_of_class)
    assert lowered.key == pytest.approx(alone, abs=30), "never below its class"
    assert "an earlier analysis flagged this" in lowered.reason
    assert worklist.row(engine, other).key == raised


def test_no_study_is_missing_from_every_list(engine: Engine) -> None:
    ids = {arrives(engine, f"s{n}", 60 - n, triage=n % 2 == 0) for n in range(8)}
    read_next(engine)
    worklist.cancel(engine, worklist.page(engine)[0].study_id, "Dr B", policy=cast.POLICY)
    worklist_policy.change(engine, cast.POLICY, OrderPolicy(name="flag"), "Dr B", "try it")
    assert {row.study_id for row in worklist.page(engine, Tab.ALL)} == ids
    with transaction(engine) as connection:
        assert connection.execute(text("SELECT count(*) FROM worklist_item")).scalar_one() == len(ids)


def test_other_settings_re_key_what_waits_until_somebody_records_a_policy(engine: Engine) -> None:
    old, flagged = arrives(engine, "old", 100), arrives(engine, "flagged", 10, triage=True)
    assert worklist_policy.follow_settings(engine, replace(cast.POLICY, name="human")) == 2
    assert cast.order(engine) == [old, flagged]
    assert worklist_policy.follow_settings(engine, replace(cast.POLICY, name="human")) == 0
    worklist_policy.change(engine, cast.POLICY, TIGHT, "Dr B", "recorded")
    assert worklist_policy.follow_settings(engine, replace(cast.POLICY, name="fifo")) == 0
    assert cast.order(engine) == [flagged, old]


def test_images_and_answers_meet_the_acts_of_people_without_a_deadlock(engine: Engine) -> None:
    ids = [arrives(engine, f"d{n}", 60 - n, triage=n % 2 == 0) for n in range(3)]
    stop = threading.Event()
    troubles: list[str] = []

    def hammer(act: Callable[[int, int], object]) -> None:
        turn = 0
        while not stop.is_set():
            turn += 1
            try:
                act(ids[turn % 3], turn)
            except (Conflict, Refused):
                continue
            except Unavailable as away:
                troubles.append(str(away))

    def reads(study_id: int, turn: int) -> None:
        worklist.pin(engine, study_id, "Dr B", note="x", policy=cast.POLICY)
        worklist.unpin(engine, study_id, "Dr B", policy=cast.POLICY)
        worklist.claim(engine, study_id, "Dr B", policy=cast.POLICY)
        worklist.release(engine, study_id, "Dr B", policy=cast.POLICY)

    def arrive(study_id: int, turn: int) -> None:
        cast.image_arrives(engine, f"d{ids.index(study_id)}", image=1000 + turn)

    threads = [threading.Thread(target=hammer, args=(act,)) for act in (reads, arrive)]
    for thread in threads:
        thread.start()
    time.sleep(4)
    stop.set()
    for thread in threads:
        thread.join(30)
    assert troubles == []
