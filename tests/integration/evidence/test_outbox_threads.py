"""Several outboxes at once, and the loop of one: nobody waits for a frozen peer, nothing is sent twice."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest
from sqlalchemy import Engine

from tests.integration.evidence.driving import outbox, row, states, work_through
from tests.integration.evidence.owing import owe
from tests.peers import dcmtk_store_scp
from tests.scripted_pacs import ScriptedPacs
from triage.domain.errors import Unavailable
from triage.evidence.pacs import StorageSCU
from triage.spool import Spool
from triage.store import evidence as store


def test_two_outboxes_at_once_leave_one_copy_of_each_at_the_pacs(
    engine: Engine, spool: Spool, scu: StorageSCU, pacs: ScriptedPacs
) -> None:
    owed = [uid for study in "abcdefgh" for uid in owe(engine, spool, study)]
    with StorageSCU() as other:
        pair = [outbox(engine, spool, each, pacs.port) for each in (scu, other)]
        threads = [threading.Thread(target=work_through, args=(one,)) for one in pair]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    assert sorted(pacs.kept) == sorted(owed) and len(pacs.log) == len(owed)
    assert set(states(engine).values()) == {"sent"}


def test_a_frozen_pacs_delays_no_other_peer(
    engine: Engine, spool: Spool, pacs: ScriptedPacs, tmp_path: Path
) -> None:
    stop = threading.Event()
    with dcmtk_store_scp(tmp_path / "frozen") as frozen:
        frozen.freeze()
        owed = [uid for study in "abc" for uid in owe(engine, spool, study, peers=("pacs", "frozen"))]
        pair = [
            outbox(engine, spool, StorageSCU(), frozen.port, "frozen", "DCMTK", timeout_s=20.0),
            outbox(engine, spool, StorageSCU(), pacs.port),
        ]
        threads = []
        for one in pair:
            one.stop = stop
            one.clock = time.monotonic
            threads.append(threading.Thread(target=one.run))
        began = time.monotonic()
        for thread in threads:
            thread.start()
        while set(states(engine).values()) != {"sent"} and time.monotonic() - began < 15:
            time.sleep(0.1)
        assert set(states(engine).values()) == {"sent"} and pacs.order() == owed
        stop.set()
        for thread in threads:
            thread.join(15)
        assert not any(thread.is_alive() for thread in threads)
    assert set(states(engine, "frozen").values()) == {"pending"}


def test_a_stopped_outbox_gives_back_what_it_did_not_finish(
    engine: Engine, spool: Spool, pacs: ScriptedPacs
) -> None:
    (uid,) = owe(engine, spool, "a")
    pacs.script[uid] = ["silence"]
    one = outbox(engine, spool, StorageSCU(), pacs.port, timeout_s=30.0)
    one.clock = time.monotonic
    thread = threading.Thread(target=one.run)
    thread.start()
    while not pacs.log:
        time.sleep(0.05)
    one.stop.set()
    thread.join(15)
    assert not thread.is_alive()
    assert (row(engine, uid).state, row(engine, uid).last_error) == ("pending", "interrupted")
    assert store.take_due(engine, "pacs", 1.0)[0].sop_instance_uid == uid


def test_the_service_loop_outlives_an_absent_database_and_a_bad_row(
    engine: Engine, spool: Spool, scu: StorageSCU, pacs: ScriptedPacs, monkeypatch: pytest.MonkeyPatch
) -> None:
    (uid,) = owe(engine, spool, "a")
    troubles: list[Exception] = [Unavailable("database", "away"), KeyError("a bug")]
    take_due = store.take_due

    def troubled(*arguments: object, **more: object) -> tuple[store.Delivery, ...]:
        if troubles:
            raise troubles.pop()
        return take_due(*arguments, **more)  # type: ignore[arg-type]  # passed through as they came

    monkeypatch.setattr(store, "take_due", troubled)
    one = outbox(engine, spool, scu, pacs.port)
    thread = threading.Thread(target=one.run)
    thread.start()
    deadline = time.monotonic() + 15
    while states(engine)[uid] != "sent" and time.monotonic() < deadline:
        time.sleep(0.05)
    one.stop.set()
    thread.join(10)
    assert states(engine) == {uid: "sent"} and not troubles
