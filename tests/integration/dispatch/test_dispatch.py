"""Closing, ringing and recovering against a real Postgres and a real Valkey."""

from __future__ import annotations

from dataclasses import replace

import pytest
from redis import Redis
from rq import Queue
from rq.serializers import JSONSerializer
from sqlalchemy import Engine, text, update

from tests import services
from tests.cast import arrived
from triage.dispatch import closer, queue
from triage.dispatch.closer import Dispatch
from triage.domain.closing import ClosingRules
from triage.domain.errors import Unavailable
from triage.domain.priority import OrderPolicy
from triage.store import analyses, catalogue, tables

POLICY = OrderPolicy()


def dispatch_at(engine: Engine, redis_url: str) -> Dispatch:
    rules = ClosingRules(quiet_seconds={"CR": 0.0}, pair_seconds=0.0)
    return Dispatch(engine, queue.connect(redis_url), rules, POLICY, 15.0, 3, 180)


def rings(dispatch: Dispatch) -> list[tuple[str, list[int]]]:
    jobs = Queue(queue.QUEUE, connection=dispatch.doorbell, serializer=JSONSerializer).jobs
    return [(str(job.func_name), list(job.args)) for job in jobs]


def receive(engine: Engine, name: str = "a") -> None:
    catalogue.register(engine, [arrived(name)], POLICY)


def test_a_closed_study_rings_once_with_an_id_and_nothing_else(engine: Engine, redis_url: str) -> None:
    dispatch = dispatch_at(engine, redis_url)
    receive(engine)
    closer.tick(dispatch)
    closer.tick(dispatch)
    assert rings(dispatch) == [(queue.FUNCTION, [1])]


def test_redis_never_holds_patient_data_or_a_pickle(engine: Engine, redis_url: str) -> None:
    dispatch = dispatch_at(engine, redis_url)
    receive(engine)
    closer.tick(dispatch)
    client = Redis.from_url(redis_url, decode_responses=False)
    everything = b"".join(client.dump(key) or b"" for key in client.scan_iter())
    hashes = [key for key in client.scan_iter() if client.type(key) == b"hash"]
    everything += b"".join(value for key in hashes for value in client.hvals(key) if isinstance(value, bytes))
    assert b"SENTINEL" not in everything and b"2.25." not in everything and b"\x80\x04" not in everything


def test_a_flushed_redis_costs_only_the_next_ring(engine: Engine, redis_url: str) -> None:
    dispatch = dispatch_at(engine, redis_url)
    receive(engine)
    closer.tick(dispatch)
    dispatch.doorbell.flushall()
    closer.tick(dispatch)
    assert rings(dispatch) == []
    closer.tick(replace(dispatch, ring_seconds=0.0))
    assert rings(dispatch) == [(queue.FUNCTION, [1])]


def test_a_study_closes_while_redis_is_away_and_rings_when_it_is_back(engine: Engine) -> None:
    valkey = services.Valkey()
    try:
        dispatch = replace(dispatch_at(engine, valkey.url), ring_seconds=0.0)
        valkey.kill()
        receive(engine)
        with pytest.raises(Unavailable):
            closer.tick(dispatch)
        with engine.begin() as connection:
            assert connection.execute(text("SELECT state FROM study")).scalar_one() == "closed"
        valkey.start()
        closer.tick(dispatch)
        assert rings(dispatch) == [(queue.FUNCTION, [1])]
    finally:
        valkey.remove()


def test_a_dead_workers_study_is_rung_again(engine: Engine, redis_url: str) -> None:
    dispatch = dispatch_at(engine, redis_url)
    receive(engine)
    closer.tick(dispatch)
    analyses.start(engine, 1, "w1", POLICY, lease_seconds=60, max_attempts=3)
    dispatch.doorbell.flushall()
    with engine.begin() as connection:
        connection.execute(update(tables.analysis).values(lease_until=text("now() - interval '1 second'")))
    closer.tick(dispatch)
    assert rings(dispatch) == [(queue.FUNCTION, [1])]


def test_a_queue_that_nobody_empties_stays_small(
    engine: Engine, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "MOST_RINGS", 3)
    dispatch = replace(dispatch_at(engine, redis_url), ring_seconds=0.0)
    for name in ("a", "b"):
        receive(engine, name)
    for _ in range(4):
        closer.tick(dispatch)
    assert queue.waiting(dispatch.doorbell) == 3
    dispatch.doorbell.flushall()
    closer.tick(dispatch)
    assert sorted(ids for _, ids in rings(dispatch)) == [[1], [2]]


def test_a_study_that_cannot_be_closed_holds_up_no_other(engine: Engine, redis_url: str) -> None:
    dispatch = dispatch_at(engine, redis_url)
    for name in ("a", "b", "c"):
        receive(engine, name)
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM worklist_item WHERE study_id = 1"))
    closer.tick(dispatch)
    with engine.begin() as connection:
        states = connection.execute(text("SELECT state FROM study ORDER BY id")).scalars().all()
    assert states == ["receiving", "closed", "closed"]
    assert len(rings(dispatch)) == 2


def test_a_database_that_went_away_is_unavailable_and_not_a_crash() -> None:
    cluster = services.Postgres()
    try:
        from triage.store import engine as store_engine
        from triage.store import studies

        away = store_engine.connect(cluster.url("postgres"))
        cluster.stop()
        with pytest.raises(Unavailable):
            studies.receiving(away)
        away.dispose()
        cluster.start()
    finally:
        cluster.remove()
