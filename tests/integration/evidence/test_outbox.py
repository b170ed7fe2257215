"""The outbox with a real database, spool and PACS; only the clock and the dice are arguments."""

from __future__ import annotations

import time

import pytest
from sqlalchemy import Engine

from tests.integration.evidence.driving import Clock, outbox, row, states, work_through
from tests.integration.evidence.owing import owe
from tests.peers import free_port
from tests.scripted_pacs import ScriptedPacs
from triage.evidence.breaker import BreakerState
from triage.evidence.pacs import StorageSCU
from triage.spool import Spool
from triage.store import evidence as store

HOURS = 3600.0


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
