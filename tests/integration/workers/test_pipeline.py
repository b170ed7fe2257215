"""One analysis, whatever happens to its child: recorded once, under its fence, and never silent (K4-K6, X1, X4)."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from tests import services
from tests.integration.workers import children
from tests.integration.workers.cast import (
    POLICY,
    due_now,
    orders,
    settings_for,
    state_of,
    waiting_study,
    worker,
)
from triage.store import analyses, previews
from triage.store import engine as store_engine
from workers.__main__ import Worker


@pytest.fixture
def ready(engine: Engine, redis_url: str, tmp_path: Path) -> Iterator[Worker]:
    """A worker that is not serving, with a well-behaved child."""
    with worker(settings_for(engine, redis_url, tmp_path), orders()) as made:
        yield made


def test_a_study_is_analysed_once_and_a_second_ring_changes_nothing(engine: Engine, ready: Worker) -> None:
    analysis = waiting_study(engine, "a")
    assert ready.pipeline.analyse(analysis) == "succeeded"
    assert state_of(engine, analysis) == ("succeeded", "", 1, False)
    with engine.begin() as connection:
        study_id = connection.execute(text("SELECT study_id FROM analysis")).scalar_one()
    assert previews.find(engine, study_id, analysis).content == b"small"
    assert ready.pipeline.analyse(analysis) == "stale"
    assert ready.pipeline.analyse(987654) == "stale"


@pytest.mark.parametrize(
    ("uid", "reason"),
    [
        (children.CRASH_UID, "child-died"),
        (children.HANG_UID, "time-out"),
        (children.BUG_UID, "internal-error"),
        (children.BROKEN_UID, "bad-reply"),
    ],
)
def test_a_poison_study_is_quarantined_after_three_attempts_and_costs_no_other(
    uid: str, reason: str, engine: Engine, ready: Worker
) -> None:
    poison = waiting_study(engine, "poison", uid)
    healthy = waiting_study(engine, "b")
    ends = []
    for _ in range(3):
        ends.append(ready.pipeline.analyse(poison))
        due_now(engine)
    assert ends == ["queued", "queued", "failed"]
    assert state_of(engine, poison) == ("failed", reason, 3, True)
    assert ready.pipeline.analyse(healthy) == "succeeded"


def test_what_cannot_be_decoded_fails_at_once_with_its_reason(engine: Engine, ready: Worker) -> None:
    analysis = waiting_study(engine, "a", children.UNREADABLE_UID)
    assert ready.pipeline.analyse(analysis) == "failed"
    assert state_of(engine, analysis) == ("failed", "truncated", 1, False)
    with engine.begin() as connection:
        shown = connection.execute(text("SELECT ai_sentence FROM worklist_item")).scalar_one()
    assert "cut short" in str(shown)


def test_a_zombies_answer_changes_nothing_after_another_worker_took_over(
    engine: Engine, ready: Worker
) -> None:
    analysis = waiting_study(engine, "a", children.SLOW_UID)
    ready.child.start()
    ends: list[str] = []
    slow = threading.Thread(target=lambda: ends.append(ready.pipeline.analyse(analysis)))
    slow.start()
    deadline = time.monotonic() + 20
    while state_of(engine, analysis)[0] != "running" and time.monotonic() < deadline:
        time.sleep(0.05)
    with engine.begin() as connection:
        connection.execute(text("UPDATE analysis SET lease_until = now() - interval '1 second'"))
    other = analyses.start(engine, analysis, "other", POLICY, lease_seconds=60, max_attempts=3)
    slow.join(30)
    assert ends == ["lost"]
    assert state_of(engine, analysis)[0] == "running"
    assert other.fence == 2


def test_a_lease_is_renewed_while_the_child_works(engine: Engine, redis_url: str, tmp_path: Path) -> None:
    settings = settings_for(engine, redis_url, tmp_path, lease_seconds=5.0, study_timeout_seconds=20.0)
    analysis = waiting_study(engine, "a", children.SLOW_UID)
    with worker(settings, orders()) as made:
        made.child.start()
        thread = threading.Thread(target=made.pipeline.analyse, args=(analysis,))
        thread.start()
        leases = set()
        while thread.is_alive():
            with engine.begin() as connection:
                leases.add(connection.execute(text("SELECT lease_until FROM analysis")).scalar_one())
            time.sleep(0.3)
        thread.join()
    assert len(leases - {None}) >= 3
    assert state_of(engine, analysis)[0] == "succeeded"


def test_an_answer_in_hand_survives_an_outage_of_the_database(tmp_path: Path, redis_url: str) -> None:
    cluster = services.Postgres()
    try:
        cluster.admin("CREATE DATABASE t")
        engine = store_engine.connect(cluster.url("t"))
        from triage.store import schema

        schema.upgrade(engine)
        analysis = waiting_study(engine, "a", children.SLOW_UID)
        settings = settings_for(engine, redis_url, tmp_path, lease_seconds=60.0, study_timeout_seconds=20.0)
        with worker(settings, orders()) as made:
            made.child.start()
            ends: list[str] = []
            thread = threading.Thread(target=lambda: ends.append(made.pipeline.analyse(analysis)))
            thread.start()
            time.sleep(1.5)
            cluster.stop()
            time.sleep(5)
            assert thread.is_alive()
            cluster.start()
            thread.join(60)
        assert ends == ["succeeded"]
        assert state_of(engine, analysis)[:1] == ("succeeded",)
        engine.dispose()
    finally:
        cluster.remove()
