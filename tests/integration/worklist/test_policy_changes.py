"""Changes of the order in real Postgres: decided on what a person saw, nobody held up, no figure lost."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace

import pytest
from sqlalchemy import Engine, text

from tests import worklist_cast as cast
from triage.domain.errors import Conflict
from triage.domain.policy import SETTINGS, PolicyName
from triage.domain.stop_rule import StopDecision
from triage.store import worklist, worklist_policy
from triage.store.engine import transaction

OTHER = replace(cast.POLICY, seniority_minutes=1440.0)


@contextmanager
def places_written(engine: Engine) -> Iterator[None]:
    """Hold the policy as whoever writes a place does, for as long as the block lasts."""
    with transaction(engine) as connection:
        worklist_policy.hold(connection)
        yield


def test_a_change_decided_on_another_policy_than_the_one_in_force_is_refused_and_says_which_is(
    engine: Engine,
) -> None:
    first = worklist_policy.change(engine, cast.POLICY, OTHER, "Dr B", "agreed", seen=SETTINGS).version
    refused: list[Callable[[], object]] = [
        lambda: worklist_policy.change(engine, cast.POLICY, cast.POLICY, "Dr C", "mine", seen=SETTINGS),
        lambda: worklist_policy.stop(engine, cast.POLICY, "Dr C", "mine", seen=SETTINGS),
        lambda: worklist_policy.change(
            engine, cast.POLICY, cast.POLICY, "Dr C", "mine", seen=SETTINGS, dry_run=True
        ),
    ]
    for act in refused:
        with pytest.raises(Conflict, match=r"it is seniority B=1440 now \(agreed, by Dr B\)"):
            act()
    assert worklist_policy.current(engine, cast.POLICY).id == first.id
    stopped = worklist_policy.stop(engine, cast.POLICY, "Dr C", "odd flags", seen=first.number).version
    with pytest.raises(Conflict, match="odd flags, by Dr C"):
        worklist_policy.resume(engine, cast.POLICY, "Dr B", "mended", seen=first.number)
    worklist_policy.resume(engine, cast.POLICY, "Dr B", "mended", seen=stopped.number)


def test_of_two_who_decide_on_the_same_policy_one_changes_it(engine: Engine) -> None:
    start = threading.Barrier(2)

    def try_change(minutes: float) -> str:
        wanted = replace(cast.POLICY, seniority_minutes=minutes)
        start.wait()
        try:
            worklist_policy.change(engine, cast.POLICY, wanted, "Dr B", f"B {minutes:g}", seen=SETTINGS)
        except Conflict as conflict:
            return conflict.reason
        return "changed"

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(try_change, (1.0, 2.0))) == ["changed", "policy-changed"]
    assert len(worklist_policy.history(engine, cast.POLICY)) == 1


def test_the_stop_rule_stops_the_order_it_has_judged_and_no_other(engine: Engine) -> None:
    harm = StopDecision(True, "missed fractures wait")
    worklist_policy.change(engine, cast.POLICY, OTHER, "Dr B", "set while the days were judged")
    assert worklist_policy.stop_on(engine, cast.POLICY, harm, SETTINGS) is None
    now = worklist_policy.current(engine, cast.POLICY)
    assert now.policy == OTHER
    assert worklist_policy.stop_on(engine, cast.POLICY, harm, now.number) is not None


def test_figures_set_while_the_order_is_stopped_count_when_it_goes_on(engine: Engine) -> None:
    worklist_policy.stop(engine, cast.POLICY, "Dr B", "odd flags")
    wanted = replace(OTHER, name=PolicyName.HUMAN, guard={"ROUTINE": 30})
    worklist_policy.change(engine, cast.POLICY, wanted, "Dr C", "a smaller B, once it goes on")
    stands = worklist_policy.stands(engine, cast.POLICY)
    assert stands.resumes_to is not None and stands.resumes_to.describe() == "seniority B=1440"
    done = worklist_policy.resume(engine, cast.POLICY, "Dr B", "mended").version.policy
    assert (done.name, done.seniority_minutes, dict(done.guard)) == ("seniority", 1440.0, {"ROUTINE": 30})


def test_whoever_writes_a_place_gets_past_a_change_that_waits(engine: Engine) -> None:
    """A place is being written for longer than a lock is waited for; a change waits, and an image comes meanwhile."""
    with ThreadPoolExecutor(1) as pool:
        with places_written(engine):
            change = pool.submit(
                worklist_policy.change, engine, cast.POLICY, OTHER, "Dr B", "while it is busy"
            )
            time.sleep(0.3)
            ends = time.monotonic() + 6
            while time.monotonic() < ends:
                cast.image_arrives(engine, "meanwhile", int(1000 * (ends - time.monotonic())))
            assert not change.done()
        assert change.result(30).version.policy == OTHER
    assert {row.policy for row in worklist.page(engine)} == {"seniority B=1440"}


def test_settings_that_say_what_is_so_already_make_nobody_wait(engine: Engine) -> None:
    for number in range(3):
        cast.image_arrives(engine, f"s{number}", requested="HIGH")
    cast.answer(engine, cast.image_arrives(engine, "flagged"), cast.flagged())
    held = cast.image_arrives(engine, "held")
    worklist.claim(engine, held, "Dr B", policy=cast.POLICY)
    cast.answer(engine, held, cast.flagged())
    with places_written(engine), ThreadPoolExecutor(1) as pool:
        assert pool.submit(worklist_policy.follow_settings, engine, cast.POLICY).result(10) == 0
    dearer = replace(cast.POLICY, harm={**cast.POLICY.harm, "HIGH": 0.3})
    assert worklist_policy.follow_settings(engine, dearer) > 0, "other figures under the same name and B"
    assert worklist_policy.follow_settings(engine, dearer) == 0


def test_an_answer_of_a_worker_of_the_version_before_still_raises(engine: Engine) -> None:
    study_id = cast.image_arrives(engine, "s")
    cast.answer(engine, study_id, cast.not_flagged(0.01))
    with transaction(engine) as connection:
        # It knows the answer's own columns alone; what stands in `counted` is of the answer before.
        connection.execute(
            text("UPDATE worklist_item SET outcome = 'FLAGGED', probability = 0.9 WHERE study_id = :id"),
            {"id": study_id},
        )
    worklist.pin(engine, study_id, "Dr B", policy=cast.POLICY)
    worklist.unpin(engine, study_id, "Dr B", policy=cast.POLICY)
    numbers = worklist.standing(engine, study_id, cast.POLICY).numbers
    assert numbers.key < numbers.key_of_class - 1000
    assert numbers.probability == {"fresh-fracture": 0.9}
