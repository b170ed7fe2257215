"""The worker's loop against a real Valkey and a real Postgres: rings, lost rings, foreign rings, outages, signals."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from redis import Redis
from rq import Queue
from rq.serializers import JSONSerializer
from sqlalchemy import Engine

from tests import services
from tests.integration.workers import children
from tests.integration.workers.cast import (
    ROOT,
    orders,
    serving,
    settings_for,
    state_of,
    waiting_study,
    worker,
)
from triage.dispatch import queue as dispatch_queue
from triage.domain.errors import Refused, Unavailable
from triage.store import engine as database
from triage.store import presence
from workers.queue_job import Doorbell


def eventually(truth: Callable[[], bool], seconds: float = 30.0) -> None:
    """Wait until something is true."""
    deadline = time.monotonic() + seconds
    while not truth():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def ring(redis_url: str, *analyses: int) -> None:
    """Ring as the dispatcher does."""
    dispatch_queue.ring(dispatch_queue.connect(redis_url), analyses, 60)


def test_a_ring_carries_the_id_to_the_worker_and_leaves_nothing_in_redis(redis_url: str) -> None:
    ring(redis_url, 42)
    bell = Doorbell(redis_url)
    assert bell.wait(1) == 42
    assert bell.wait(1) is None
    client = Redis.from_url(redis_url)
    assert [key for key in client.scan_iter() if b":job:" in key or b"intermediate" in key] == []


@pytest.mark.parametrize(
    ("function", "args"),
    [
        ("os.system", ["touch canary"]),
        ("workers.pipeline.analyse", ["1"]),
        ("workers.pipeline.analyse", [True]),
        ("workers.pipeline.analyse", [1, 2]),
        ("workers.pipeline.analyse", [-1]),
        ("workers.pipeline.analyse", [2**70]),
    ],
)
def test_a_foreign_ring_is_refused_and_dropped(function: str, args: list[object], redis_url: str) -> None:
    queue = Queue("analysis", connection=Redis.from_url(redis_url), serializer=JSONSerializer)
    queue.enqueue_call(function, args=tuple(args))
    bell = Doorbell(redis_url)
    with pytest.raises(Refused):
        bell.wait(1)
    assert bell.wait(1) is None


def test_a_pickle_in_the_queue_is_refused_unread(redis_url: str) -> None:
    Queue("analysis", connection=Redis.from_url(redis_url)).enqueue_call("os.getcwd")
    with pytest.raises(Refused):
        Doorbell(redis_url).wait(1)


def test_a_corrupt_job_record_is_refused_and_the_next_ring_is_heard(redis_url: str) -> None:
    ring(redis_url, 1, 2)
    client = Redis.from_url(redis_url)
    first = client.lindex("rq:queue:analysis", 0)
    assert isinstance(first, bytes)
    client.hset(f"rq:job:{first.decode()}", mapping={"data": b"\xff\xfe", "created_at": "nonsense"})
    bell = Doorbell(redis_url)
    with pytest.raises(Refused):
        bell.wait(1)
    assert bell.wait(1) == 2


def test_a_dead_redis_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(Unavailable):
        Doorbell(f"unix://{tmp_path}/nothing").wait(1)


def test_the_loop_runs_what_is_rung(engine: Engine, redis_url: str, tmp_path: Path) -> None:
    analyses = [waiting_study(engine, name) for name in "abc"]
    with serving(settings_for(engine, redis_url, tmp_path, ring_seconds=600.0), orders()) as made:
        made.asked = time.monotonic()
        ring(redis_url, *analyses)
        eventually(lambda: all(state_of(engine, one)[0] == "succeeded" for one in analyses))
        assert made.child.starts == 1


def test_a_lost_ring_costs_latency_only(engine: Engine, redis_url: str, tmp_path: Path) -> None:
    analysis = waiting_study(engine, "a")
    with serving(settings_for(engine, redis_url, tmp_path), orders()):
        eventually(lambda: state_of(engine, analysis)[0] == "succeeded")


def test_without_redis_the_worker_asks_postgres(engine: Engine, tmp_path: Path) -> None:
    analysis = waiting_study(engine, "a")
    with serving(settings_for(engine, f"unix://{tmp_path}/nothing", tmp_path, ring_seconds=600.0), orders()):
        eventually(lambda: state_of(engine, analysis)[0] == "succeeded")


def test_a_redis_that_dies_and_returns_is_heard_again(engine: Engine, tmp_path: Path) -> None:
    valkey = services.Valkey()
    try:
        with serving(settings_for(engine, valkey.url, tmp_path, ring_seconds=600.0), orders()) as made:
            made.asked = time.monotonic()
            first = waiting_study(engine, "a")
            ring(valkey.url, first)
            eventually(lambda: state_of(engine, first)[0] == "succeeded")
            valkey.kill()
            second = waiting_study(engine, "b")
            eventually(lambda: state_of(engine, second)[0] == "succeeded")
            valkey.start()
            third = waiting_study(engine, "c")
            ring(valkey.url, third)
            eventually(lambda: state_of(engine, third)[0] == "succeeded")
    finally:
        valkey.remove()


def test_a_foreign_ring_does_not_end_the_loop(engine: Engine, redis_url: str, tmp_path: Path) -> None:
    analysis = waiting_study(engine, "a")
    queue = Queue("analysis", connection=Redis.from_url(redis_url), serializer=JSONSerializer)
    queue.enqueue_call("os.system", args=("true",))
    with serving(settings_for(engine, redis_url, tmp_path, ring_seconds=600.0), orders()) as made:
        made.asked = time.monotonic()
        ring(redis_url, analysis)
        eventually(lambda: state_of(engine, analysis)[0] == "succeeded")


def test_rejected_bundles_block_the_worker_visibly_and_cost_no_attempt(
    engine: Engine, redis_url: str, tmp_path: Path
) -> None:
    analysis = waiting_study(engine, "a")
    ring(redis_url, analysis)
    with serving(settings_for(engine, redis_url, tmp_path), orders("rejected")):
        eventually(lambda: any(one.state == "blocked: models" for one in presence.everyone(engine)))
    assert state_of(engine, analysis) == ("queued", "", 0, False)


def test_a_child_that_dies_at_its_start_costs_no_attempt(
    engine: Engine, redis_url: str, tmp_path: Path
) -> None:
    analysis = waiting_study(engine, "a")
    with serving(settings_for(engine, redis_url, tmp_path), orders("stillborn")) as made:
        eventually(lambda: made.child.starts >= 2)
    assert state_of(engine, analysis) == ("queued", "", 0, False)


PROGRAM = """
import sys
from pathlib import Path
from tests.integration.workers.cast import orders, settings_for
from triage.store import engine as database
from workers.__main__ import run, stop_on_signals, worker_of
url, redis_url, home = sys.argv[1:]
made = worker_of(settings_for(database.connect(url), redis_url, Path(home), study_timeout_seconds=30.0), orders())
stop_on_signals(made)
run(made)
"""


@pytest.fixture
def process(database_url: str, redis_url: str, tmp_path: Path) -> subprocess.Popen[bytes]:
    """A worker in a process of its own."""
    command = [sys.executable, "-c", PROGRAM, database_url, redis_url, str(tmp_path)]
    return subprocess.Popen(command, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)})


def test_sigterm_lets_the_study_in_hand_finish(
    process: subprocess.Popen[bytes], database_url: str, redis_url: str
) -> None:
    engine = database.connect(database_url)
    try:
        analysis = waiting_study(engine, "a", children.SLOW_UID)
        ring(redis_url, analysis)
        eventually(lambda: state_of(engine, analysis)[0] == "running")
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
        assert state_of(engine, analysis)[0] == "succeeded"
        assert presence.everyone(engine) == []
    finally:
        process.kill()
        process.wait()
        engine.dispose()


def test_sigterm_while_the_child_warms_up_is_obeyed_at_once(
    engine: Engine, redis_url: str, tmp_path: Path
) -> None:
    program = PROGRAM.replace("orders()", 'orders("never-warm")')
    url = engine.url.render_as_string(hide_password=False)
    command = [sys.executable, "-c", program, url, redis_url, str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}) as process:
        try:
            eventually(lambda: bool(presence.everyone(engine)))
            process.send_signal(signal.SIGTERM)
            assert process.wait(10) == 0
        finally:
            process.kill()


def test_a_killed_parent_takes_its_child_along_and_the_study_is_run_again(
    process: subprocess.Popen[bytes], database_url: str, redis_url: str, tmp_path: Path
) -> None:
    engine = database.connect(database_url)
    try:
        analysis = waiting_study(engine, "a", children.SLOW_UID)
        ring(redis_url, analysis)
        eventually(lambda: state_of(engine, analysis)[0] == "running")
        process.kill()
        process.wait()
        with worker(settings_for(engine, redis_url, tmp_path, study_timeout_seconds=30.0), orders()) as made:
            eventually(lambda: made.pipeline.analyse(analysis) == "succeeded")
        assert state_of(engine, analysis)[2] == 2
    finally:
        process.kill()
        process.wait()
        engine.dispose()
