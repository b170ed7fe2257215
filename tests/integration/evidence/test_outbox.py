"""The outbox with a real database, spool and PACS; only the clock and the dice are arguments."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import Engine

from tests.integration.evidence.owing import owe, uid_of
from tests.peers import HOST, dcmtk_store_scp, free_port
from tests.scripted_pacs import ScriptedPacs, scripted_pacs
from triage.domain.errors import Unavailable
from triage.evidence.breaker import Backoff, BreakerState
from triage.evidence.outbox import OutboxPolicy, PeerOutbox
from triage.evidence.pacs import RemoteAE, StorageSCU
from triage.spool import Spool
from triage.store import evidence as store
from triage.store.evidence import DeliveryFilter

HOURS = 3600.0


@dataclass
class Clock:
    """A monotonic clock that a test moves."""

    now: float = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(scope="module")
def scu() -> Iterator[StorageSCU]:
    with StorageSCU() as warm:
        yield warm


@pytest.fixture
def spool(spool_root: Path) -> Spool:
    return Spool(spool_root)


@pytest.fixture
def pacs() -> Iterator[ScriptedPacs]:
    with scripted_pacs() as listening:
        yield listening


def outbox(
    engine: Engine,
    spool: Spool,
    scu: StorageSCU,
    port: int,
    name: str = "pacs",
    title: str = "PACS",
    timeout_s: float = 5.0,
    first_s: float = 5.0,
) -> PeerOutbox:
    peer = RemoteAE(name, title, HOST, port, "TRIAGE", timeout_s)
    policy = OutboxPolicy(Backoff(first_s, 600.0), breaker_failures=3, lease_s=2.0, drain_s=1.0, poll_s=0.2)
    return PeerOutbox(engine, spool.path, peer, policy, clock=Clock(), dice=lambda: 0.0, scu=scu)


def work_through(one: PeerOutbox, steps: int = 40) -> None:
    """Let the outbox work until it has nothing due; the breaker's waits pass by the clock."""
    for _ in range(steps):
        wait_s = one.step()
        assert isinstance(one.clock, Clock)
        one.clock.now += wait_s
        if wait_s == one.policy.poll_s:
            return
    raise AssertionError("the outbox did not come to rest")


def states(engine: Engine, peer: str = "pacs") -> dict[str, str]:
    rows = store.list_deliveries(engine, DeliveryFilter(peer=peer))
    return {row.sop_instance_uid: row.state for row in rows}


def row(engine: Engine, uid: str) -> store.DeliveryRow:
    (found,) = [one for one in store.list_deliveries(engine) if one.sop_instance_uid == uid]
    return found


def test_one_studys_results_go_over_one_association(
    engine: Engine, spool: Spool, scu: StorageSCU, pacs: ScriptedPacs
) -> None:
    owed = owe(engine, spool, "a", ("SR-A", "SR-B", "SEG", "GSPS"), flagged=True)
    work_through(outbox(engine, spool, scu, pacs.port))
    assert (pacs.order(), pacs.associations) == (owed, 1)
    assert set(states(engine).values()) == {"sent"}


def test_a_pacs_that_returns_after_hours_gets_everything_once_flagged_studies_first(
    engine: Engine, spool: Spool, scu: StorageSCU, pacs: ScriptedPacs
) -> None:
    pacs.stop()
    one = outbox(engine, spool, scu, pacs.port)
    assert isinstance(one.clock, Clock)
    routine = [uid for study in "abcdef" for uid in owe(engine, spool, study)]
    tries = 0
    while one.clock.now < 4 * HOURS:
        one.clock.now += one.step()
        tries += 1
    # 5 + 10 + ... + 320 s, then every ten minutes: back-off, not hammering.
    assert 25 < tries < 40 and one.breaker.state is BreakerState.OPEN
    flagged = owe(engine, spool, "z", ("SR-A", "SEG"), flagged=True)
    assert set(states(engine).values()) == {"pending"}
    pacs.start()
    work_through(one)
    assert pacs.order() == flagged + routine
    assert len(pacs.log) == len(pacs.kept) == 8 and pacs.echoes == 1
    assert set(states(engine).values()) == {"sent"}


def test_the_pacs_is_left_alone_while_the_breaker_waits_unless_a_person_asks(
    engine: Engine, spool: Spool, scu: StorageSCU, pacs: ScriptedPacs
) -> None:
    (uid,) = owe(engine, spool, "a")
    pacs.stop()
    one = outbox(engine, spool, scu, pacs.port)
    wait_s = one.step()
    pacs.start()
    assert one.step() == wait_s == 5.0 and not pacs.log
    assert store.retry(engine, [row(engine, uid).id], "dr-a", "PACS restarted") == (row(engine, uid).id,)
    assert one.step() == 0.0 and pacs.order() == [uid]


def test_asking_again_for_a_peer_that_is_still_away_tries_it_once(
    engine: Engine, spool: Spool, scu: StorageSCU
) -> None:
    (uid,) = owe(engine, spool, "a")
    one = outbox(engine, spool, scu, free_port())
    clock = one.clock = Clock()
    for _ in range(4):
        clock.now += one.step()
    clock.now -= 1.0
    failures = one.breaker.failures
    store.retry(engine, [row(engine, uid).id], "dr-a", "try")
    one.step()
    one.step()
    assert one.breaker.failures == failures + 1


@pytest.mark.parametrize("did", ["A700", "0110", "abort", "reset"])
def test_a_passing_failure_backs_off_that_result_alone_and_ends_with_one_copy(
    engine: Engine, spool: Spool, scu: StorageSCU, pacs: ScriptedPacs, did: str
) -> None:
    sick, well = owe(engine, spool, "a", ("SR-A", "SEG"))
    pacs.script[sick] = [did]
    one = outbox(engine, spool, scu, pacs.port, first_s=0.3)
    assert one.step() == 0.0
    assert states(engine) == {sick: "pending", well: "sent"}
    assert row(engine, sick).attempts == 1
    time.sleep(0.4)
    one.step()
    assert set(states(engine).values()) == {"sent"}
    assert {stored.digest for stored in pacs.log if stored.sop_instance_uid == sick} == {pacs.kept[sick]}


def test_a_result_that_makes_the_pacs_abort_never_blocks_a_more_patient_one(
    engine: Engine, spool: Spool, scu: StorageSCU, pacs: ScriptedPacs
) -> None:
    (poison,) = owe(engine, spool, "a", flagged=True)
    (well,) = owe(engine, spool, "b")
    pacs.script[poison] = ["abort"] * 1000
    one = outbox(engine, spool, scu, pacs.port)
    work_through(one)
    assert states(engine) == {poison: "pending", well: "sent"}


@pytest.mark.parametrize("did", ["C000", "0122", "A900"])
def test_a_refused_result_waits_for_a_person_and_goes_when_asked(
    engine: Engine, spool: Spool, scu: StorageSCU, pacs: ScriptedPacs, did: str
) -> None:
    (uid,) = owe(engine, spool, "a")
    pacs.script[uid] = [did]
    one = outbox(engine, spool, scu, pacs.port)
    work_through(one)
    assert (row(engine, uid).state, row(engine, uid).last_status) == ("refused", int(did, 16))
    assert one.breaker.state is BreakerState.CLOSED
    store.retry(engine, [row(engine, uid).id], "admin", "PACS reconfigured")
    work_through(one)
    assert row(engine, uid).state == "sent"


def test_a_warning_counts_as_stored_and_is_remembered(
    engine: Engine, spool: Spool, scu: StorageSCU, pacs: ScriptedPacs
) -> None:
    (uid,) = owe(engine, spool, "a")
    pacs.script[uid] = ["B000"]
    work_through(outbox(engine, spool, scu, pacs.port))
    assert (row(engine, uid).state, row(engine, uid).last_error) == ("sent", "warning-B000")


def test_a_full_pacs_that_answers_echo_is_not_hammered(
    engine: Engine, spool: Spool, scu: StorageSCU, pacs: ScriptedPacs
) -> None:
    for study in "abcdefgh":
        owe(engine, spool, study)
    pacs.always = "A700"
    one = outbox(engine, spool, scu, pacs.port)
    assert isinstance(one.clock, Clock)
    while one.clock.now < 600:
        one.clock.now += one.step()
    assert len(pacs.log) <= 8 and pacs.echoes <= 8
    assert one.breaker.failures >= 5


def test_results_of_a_superseded_analysis_are_not_sent(
    engine: Engine, spool: Spool, scu: StorageSCU, pacs: ScriptedPacs
) -> None:
    (old,) = owe(engine, spool, "a")
    (new,) = owe(engine, spool, "a", image="2")
    work_through(outbox(engine, spool, scu, pacs.port))
    assert states(engine) == {old: "superseded", new: "sent"}
    assert pacs.order() == [new]


def test_a_missing_file_is_refused_with_its_reason_and_the_rest_goes(
    engine: Engine, spool: Spool, scu: StorageSCU, pacs: ScriptedPacs
) -> None:
    gone, well = owe(engine, spool, "a", ("SR-A", "SEG"))
    for path in (spool.root / "evidence").rglob("*.dcm"):
        if b"1.2.840.10008.5.1.4.1.1.88.34" in path.read_bytes():
            path.unlink()
    work_through(outbox(engine, spool, scu, pacs.port))
    assert states(engine) == {gone: "refused", well: "sent"}
    assert row(engine, gone).last_error == "spool-file"


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


def test_uids_differ_by_study_and_kind() -> None:
    assert len({uid_of(study, kind) for study in "ab" for kind in ("SR-A", "SEG")}) == 4
