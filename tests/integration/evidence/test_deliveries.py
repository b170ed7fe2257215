"""What a person can list and ask again, and what the audit remembers of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import Engine

from tests.integration.evidence.owing import owe
from triage.domain.identity import derived_uid
from triage.spool import Spool
from triage.store import audit
from triage.store import evidence as store
from triage.store.evidence import DeliveryFilter


@pytest.fixture
def spool(spool_root: Path) -> Spool:
    return Spool(spool_root)


def test_a_lease_keeps_a_delivery_from_others_until_it_runs_out(engine: Engine, spool: Spool) -> None:
    (uid,) = owe(engine, spool, "a")
    (taken,) = store.take_due(engine, "pacs", 60.0)
    assert taken.sop_instance_uid == uid and taken.attempts == 0
    assert store.take_due(engine, "pacs", 60.0) == ()
    store.renew(engine, [taken.id], -1.0)
    assert store.take_due(engine, "pacs", 60.0) == (taken,)


def test_each_peer_is_owed_its_own_copy(engine: Engine, spool: Spool) -> None:
    owe(engine, spool, "a", peers=("pacs", "archive"))
    (first,) = store.take_due(engine, "pacs", 60.0)
    (second,) = store.take_due(engine, "archive", 60.0)
    store.sent(engine, first.id, 0)
    assert first.evidence_id == second.evidence_id
    assert [(one.peer, one.pending) for one in store.backlog(engine)] == [("archive", 1)]


def test_flagged_studies_are_taken_before_older_ones(engine: Engine, spool: Spool) -> None:
    owe(engine, spool, "a")
    flagged = owe(engine, spool, "b", ("SR-A", "SR-B"), flagged=True)
    assert [one.sop_instance_uid for one in store.take_due(engine, "pacs", 60.0)] == flagged


def test_deliveries_are_listed_by_state_peer_study_and_accession(engine: Engine, spool: Spool) -> None:
    owe(engine, spool, "a", peers=("pacs", "archive"))
    owe(engine, spool, "b")
    (taken,) = store.take_due(engine, "archive", 60.0)
    store.refused(engine, taken.id, 0xC000, "status-C000")
    wanted = {
        DeliveryFilter(): 3,
        DeliveryFilter(state="refused"): 1,
        DeliveryFilter(peer="pacs"): 2,
        DeliveryFilter(study_instance_uid=derived_uid("study", "b")): 1,
        DeliveryFilter(accession_number="ACC-a"): 2,
        DeliveryFilter(limit=1): 1,
    }
    assert {one: len(store.list_deliveries(engine, one)) for one in wanted} == wanted


def test_asking_again_is_audited_and_never_reopens_what_was_sent(engine: Engine, spool: Spool) -> None:
    sent_uid, refused_uid = owe(engine, spool, "a", ("SR-A", "SEG"))
    first, second = store.take_due(engine, "pacs", 60.0)
    store.sent(engine, first.id, 0)
    store.refused(engine, second.id, 0x0122, "status-0122")
    assert store.retry(engine, [first.id, second.id], "admin", "PACS accepts SEG now") == (second.id,)
    (entry, *_) = audit.entries(engine)
    assert (entry.actor, entry.action, entry.subject) == ("admin", "retry", f"delivery:{second.id}")
    assert (
        entry.detail["reason"] == "PACS accepts SEG now" and entry.detail["sop_instance_uid"] == refused_uid
    )
    states = {row.sop_instance_uid: row.state for row in store.list_deliveries(engine)}
    assert states == {sent_uid: "sent", refused_uid: "pending"}
    row = next(one for one in store.list_deliveries(engine) if one.state == "pending")
    assert row.next_at >= row.created_at


def test_every_delivery_that_ended_is_audited_without_the_patient(engine: Engine, spool: Spool) -> None:
    owe(engine, spool, "a", ("SR-A", "SEG"))
    first, second = store.take_due(engine, "pacs", 60.0)
    store.sent(engine, first.id, 0)
    store.refused(engine, second.id, 0xC000, "status-C000")
    store.sent(engine, first.id, 0)
    ours = [entry for entry in audit.entries(engine) if entry.actor == store.ACTOR]
    assert [entry.action for entry in ours] == ["refuse", "send"]
    assert not any("SENTINEL" in f"{entry.subject}{entry.detail}" for entry in ours)


def test_what_the_pacs_took_while_it_was_superseded_counts_as_sent(engine: Engine, spool: Spool) -> None:
    owe(engine, spool, "a")
    (in_flight,) = store.take_due(engine, "pacs", 60.0)
    owe(engine, spool, "a", image="2")
    store.sent(engine, in_flight.id, 0)
    states = [row.state for row in store.list_deliveries(engine)]
    assert states == ["pending", "sent"]
