"""The worker follows promotions between studies, runs the shadow behind the live one, and orders before it measures."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text

from tests.integration.workers import children
from tests.integration.workers.cast import (
    POLICY,
    due_now,
    orders,
    serving,
    settings_for,
    state_of,
    waiting_study,
    worker,
)
from tests.integration.workers.test_worker import eventually, ring
from tests.model_cast import facts
from triage.store import models, presence, requeue, shadows
from workers.__main__ import Worker
from workers.shadow import NICENESS, Shadow

NAME = "vertebra-fresh"


@pytest.fixture
def ready(engine: Engine, redis_url: str, tmp_path: Path) -> Iterator[Worker]:
    """A worker that is not serving, with a well-behaved child."""
    with worker(settings_for(engine, redis_url, tmp_path), orders()) as made:
        yield made


@pytest.fixture
def shadow(engine: Engine, tmp_path: Path) -> Iterator[Shadow]:
    """A shadow that is stepped by the test."""
    made = Shadow(engine, orders(), tmp_path / "models", lambda: False, 3.0)
    yield made
    made.stop()


def promoted(engine: Engine, version: str, letter: str) -> None:
    models.register(engine, facts(version=version, letter=letter), "Dr A")
    models.promote(engine, NAME, version, "Dr A", "better")


def shadowed(engine: Engine) -> None:
    models.register(engine, facts(version="9.0.0", letter="f"), "Dr A")
    shadows.begin(engine, NAME, "9.0.0", "Dr A", "new training")


def digests(engine: Engine, analysis_id: int) -> list[str]:
    query = text("SELECT outcome->'models' FROM analysis WHERE id = :id")
    with engine.begin() as connection:
        said = connection.execute(query, {"id": analysis_id}).scalar_one()
    return [model["digest"] for model in said if model["name"] == NAME]


def the_rest(engine: Engine) -> list[Any]:
    """Return everything that a shadow must never touch."""
    tables = ("worklist_item", "finding", "evidence", "delivery", "analysis", "audit", "study", "preview")
    with engine.begin() as connection:
        return [connection.execute(text(f"SELECT * FROM {table}")).all() for table in tables]


def test_a_promotion_is_followed_between_studies_without_a_restart_and_a_rollback_too(
    engine: Engine, redis_url: str, tmp_path: Path
) -> None:
    with serving(settings_for(engine, redis_url, tmp_path, ring_seconds=600.0), orders()) as made:

        def answered_by(name: str) -> list[str]:
            analysis = waiting_study(engine, name)
            ring(redis_url, analysis)
            eventually(lambda: state_of(engine, analysis)[0] == "succeeded")
            return digests(engine, analysis)

        assert answered_by("one") == []
        promoted(engine, "1.1.0", "a")
        assert answered_by("two") == ["a" * 64]
        promoted(engine, "1.2.0", "b")
        assert answered_by("three") == ["b" * 64]
        models.rollback(engine, "Dr B", "flags doubled")
        assert answered_by("four") == ["a" * 64]
        assert made.child.starts == 4


def test_a_requeue_after_a_promotion_makes_a_new_analysis_by_the_new_model(
    engine: Engine, ready: Worker
) -> None:
    first = waiting_study(engine, "a")
    ready.follower.follow()
    ready.pipeline.analyse(first)
    promoted(engine, "1.1.0", "a")
    chosen = requeue.select_studies(engine, requeue.Selection(state="succeeded"))
    requeue.requeue(engine, chosen, "Dr A", "new model", POLICY)
    assert ready.follower.follow() and not ready.follower.follow()
    with engine.begin() as connection:
        second = int(connection.execute(text("SELECT max(id) FROM analysis")).scalar_one())
    assert second != first and ready.pipeline.analyse(second) == "succeeded"
    assert (digests(engine, first), digests(engine, second)) == ([], ["a" * 64])


def test_a_shadow_answers_afterwards_and_touches_nothing_else(
    engine: Engine, ready: Worker, shadow: Shadow
) -> None:
    assert shadow.step() is False and shadow.child.starts == 0, "no shadow, no second child"
    shadowed(engine)
    analysis = waiting_study(engine, "a")
    assert shadow.step() is False, "nothing was answered yet"
    assert ready.pipeline.analyse(analysis) == "succeeded"
    before = the_rest(engine)
    assert shadow.step() is True and shadow.step() is False
    assert the_rest(engine) == before
    (pair,) = shadows.pairs(engine, datetime.now(UTC) - timedelta(hours=1))
    assert (pair.candidate, pair.live, pair.shadow) == (f"{NAME}@9.0.0", "FLAGGED", "NOT_FLAGGED")
    with engine.begin() as connection:
        said = connection.execute(text("SELECT outcome->'models'->0 FROM shadow_answer")).scalar_one()
    assert (said["name"], said["digest"]) == (NAME, "f" * 64)


def test_a_shadow_gives_way_to_every_other_process(engine: Engine, shadow: Shadow) -> None:
    shadowed(engine)
    shadow.step()
    assert NICENESS == 19
    configuration = shadow.child._orders.configuration  # what its child is told
    assert configuration.niceness == NICENESS


def test_no_study_is_taken_while_a_live_one_is_in_hand(engine: Engine, ready: Worker, tmp_path: Path) -> None:
    shadowed(engine)
    ready.pipeline.analyse(waiting_study(engine, "a"))
    busy = Shadow(engine, orders(), tmp_path / "models", lambda: True, 3.0)
    try:
        assert busy.step() is False and busy.child.starts == 0
    finally:
        busy.stop()


def test_no_study_is_taken_when_a_live_one_came_while_the_child_warmed(
    engine: Engine, ready: Worker, tmp_path: Path
) -> None:
    shadowed(engine)
    assert ready.pipeline.analyse(waiting_study(engine, "one")) == "succeeded"
    came = Shadow(engine, orders(), tmp_path / "models", lambda: came.child.pid is not None, 3.0)
    try:
        assert came.step() is False and came.child.starts == 1
        with engine.begin() as connection:
            assert connection.execute(text("SELECT count(*) FROM shadow_answer")).scalar_one() == 0
    finally:
        came.stop()


@pytest.mark.parametrize(
    ("uid", "trouble"), [(children.CRASH_UID, "child-died"), (children.UNREADABLE_UID, "truncated")]
)
def test_a_shadow_that_fails_is_asked_twice_and_harms_nobody(
    uid: str, trouble: str, engine: Engine, ready: Worker, shadow: Shadow
) -> None:
    shadowed(engine)
    analysis = waiting_study(engine, "a")
    ready.pipeline.analyse(analysis)
    with engine.begin() as connection:
        connection.execute(text("UPDATE study SET study_instance_uid = :uid"), {"uid": uid})
    assert [shadow.step() for _ in range(3)] == [True, True, False]
    (pair,) = shadows.pairs(engine, datetime.now(UTC) - timedelta(hours=1))
    assert (pair.shadow, pair.trouble) == ("", trouble)
    assert state_of(engine, analysis)[0] == "succeeded"


def test_a_rejected_shadow_stops_no_live_study(engine: Engine, redis_url: str, tmp_path: Path) -> None:
    shadowed(engine)
    with serving(settings_for(engine, redis_url, tmp_path), orders()) as made:
        made.shadow.child.follow(orders("rejected"))
        made.shadow._orders = orders("rejected")  # the shadow's own bundles are spoilt, the live ones are not
        analysis = waiting_study(engine, "a")
        ring(redis_url, analysis)
        eventually(lambda: state_of(engine, analysis)[0] == "succeeded")
        eventually(lambda: made.shadow.state == "waits: models")
        eventually(lambda: {"shadow": "waits: models"} in [one.detail for one in presence.everyone(engine)])


def test_the_shadow_of_a_serving_worker_answers_by_itself(
    engine: Engine, redis_url: str, tmp_path: Path
) -> None:
    shadowed(engine)
    with serving(settings_for(engine, redis_url, tmp_path), orders()):
        analysis = waiting_study(engine, "a")
        ring(redis_url, analysis)
        since = datetime.now(UTC) - timedelta(hours=1)
        eventually(lambda: bool(shadows.pairs(engine, since)), 60)


def flagged(engine: Engine) -> tuple[str, str]:
    query = text("SELECT w.outcome, a.state FROM worklist_item w JOIN analysis a USING (study_id)")
    with engine.begin() as connection:
        row = connection.execute(query).one()
    return str(row[0]), str(row[1])


def test_a_study_gets_its_place_while_it_is_still_being_measured(engine: Engine, ready: Worker) -> None:
    analysis = waiting_study(engine, "a", children.MEASURING_UID)
    ready.child.start()
    running = threading.Thread(target=ready.pipeline.analyse, args=(analysis,))
    running.start()
    eventually(lambda: flagged(engine)[0] == "FLAGGED", 10)
    assert flagged(engine) == ("FLAGGED", "running"), "the order did not wait for the angles"
    with engine.begin() as connection:
        # What a person does meanwhile stands: the reply does not place the study again.
        connection.execute(text("UPDATE worklist_item SET ai_sentence = 'seen meanwhile'"))
    running.join(30)
    assert state_of(engine, analysis)[0] == "succeeded"
    with engine.begin() as connection:
        assert (
            connection.execute(text("SELECT ai_sentence FROM worklist_item")).scalar_one() == "seen meanwhile"
        )
        acts = connection.execute(text("SELECT action FROM audit ORDER BY id")).scalars().all()
    assert acts[-2:] == ["analysis.place", "analysis.succeed"]


def test_a_death_while_measuring_costs_neither_the_flag_nor_a_second_attempt(
    engine: Engine, ready: Worker
) -> None:
    analysis = waiting_study(engine, "a", children.MEASURING_CRASH_UID)
    assert ready.pipeline.analyse(analysis) == "queued"
    assert flagged(engine) == ("FLAGGED", "queued"), "what was said stays said"
    due_now(engine)
    began = time.monotonic()
    assert ready.pipeline.analyse(analysis) == "succeeded"
    assert time.monotonic() - began < 10 + children.MEASURING_SECONDS
    assert state_of(engine, analysis)[:3] == ("succeeded", "", 2)
