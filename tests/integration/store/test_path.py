"""A study's way through the store: registered, closed, analysed, superseded, requeued."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import Engine, select, text, update

from tests.cast import COMPREHENSIVE_3D_SR, SENTINEL_ID, arrived, evidence_draft, outcome
from triage.domain.analysis import Lease
from triage.domain.closing import ClosingReason, ClosingRules, closing_reason
from triage.domain.errors import Conflict, NotFound
from triage.domain.finding import TriageOutcome
from triage.domain.priority import OrderPolicy
from triage.store import analyses, audit, catalogue, evidence, expiry, queue_rows, requeue, studies, tables
from triage.store.catalogue import Arrival
from triage.store.requeue import Requeued, Selection

POLICY = OrderPolicy()


def register(engine: Engine, *batch: object) -> list[catalogue.Registered]:
    return catalogue.register(engine, batch, POLICY)  # type: ignore[arg-type]  # the tests' own builder


def close(engine: Engine) -> studies.Closed:
    (seen,) = studies.receiving(engine)
    closed = studies.close(engine, seen, ClosingReason.QUIET_PERIOD, POLICY)
    assert closed is not None
    return closed


def start(engine: Engine, analysis_id: int) -> Lease:
    return analyses.start(engine, analysis_id, "w1", POLICY, lease_seconds=60, max_attempts=3)


def expire_leases(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(update(tables.analysis).values(lease_until=text("now() - interval '1 second'")))


def row_of(engine: Engine, column: str, table: str = "worklist_item") -> object:
    with engine.begin() as connection:
        return connection.execute(text(f"SELECT {column} FROM {table}")).scalar_one()  # test constant


def test_a_first_image_puts_its_study_on_the_worklist(engine: Engine) -> None:
    (done,) = register(engine, arrived())
    assert done.outcome is Arrival.NEW
    assert row_of(engine, "ai_status") == "waiting"


def test_sending_the_same_bytes_again_changes_nothing(engine: Engine) -> None:
    register(engine, arrived())
    close(engine)
    before = row_of(engine, "last_arrival", "study")
    (again,) = register(engine, arrived())
    assert again.outcome is Arrival.SAME and not again.reopened
    assert row_of(engine, "state", "study") == "closed"
    assert row_of(engine, "last_arrival", "study") == before


def test_other_bytes_under_the_same_uid_are_kept_and_flag_the_study(engine: Engine) -> None:
    register(engine, arrived())
    (done,) = register(engine, arrived(content="other"))
    assert done.outcome is Arrival.CONFLICT
    assert row_of(engine, "conflict", "study") is True
    kept = studies.instances_of(engine, done.study_id)
    assert [row["current"] for row in kept] == [True, False]


def test_images_of_two_patients_in_one_study_flag_it(engine: Engine) -> None:
    register(engine, arrived())
    register(engine, arrived(image="2", patient_id="SOMEBODY-ELSE"))
    assert row_of(engine, "conflict", "study") is True
    assert row_of(engine, "patient_id", "study") == SENTINEL_ID


def test_a_late_image_reopens_the_study_and_supersedes_the_open_analysis(engine: Engine) -> None:
    register(engine, arrived())
    first = close(engine)
    (late,) = register(engine, arrived(image="2"))
    assert late.reopened
    with pytest.raises(Conflict):
        start(engine, first.analyses[0])
    second = close(engine)
    assert second.revision == 2
    assert len(start(engine, second.analyses[0]).instances) == 2


def test_an_own_result_coming_back_neither_reopens_nor_joins_the_analysis(engine: Engine) -> None:
    register(engine, arrived())
    close(engine)
    own = arrived(image="sr", sop_class_uid=COMPREHENSIVE_3D_SR, modality="SR", own_result=True)
    (done,) = register(engine, own)
    assert done.outcome is Arrival.OWN and not done.reopened
    assert row_of(engine, "state", "study") == "closed"


def test_a_report_that_arrives_late_does_not_reopen_the_study(engine: Engine) -> None:
    register(engine, arrived())
    close(engine)
    (done,) = register(engine, arrived(image="sr", sop_class_uid=COMPREHENSIVE_3D_SR, modality="SR"))
    assert done.outcome is Arrival.COMPANION
    assert row_of(engine, "state", "study") == "closed"


def test_a_study_without_anything_to_analyse_is_settled_with_its_reason(engine: Engine) -> None:
    register(engine, arrived(sop_class_uid="1.2.840.10008.5.1.4.1.1.2", modality="CT"))
    assert close(engine).analyses == ()
    assert row_of(engine, "state", "study") == "analysed"
    assert row_of(engine, "ai_status") == "not-analysed"
    assert row_of(engine, "ai_sentence") == "no model for CT"


def test_closing_gives_way_to_an_image_that_arrived_meanwhile(engine: Engine) -> None:
    register(engine, arrived())
    (seen,) = studies.receiving(engine)
    register(engine, arrived(image="2"))
    assert studies.close(engine, seen, ClosingReason.QUIET_PERIOD, POLICY) is None


def test_the_closing_rules_see_the_database_clock(engine: Engine) -> None:
    register(engine, arrived())
    (seen,) = studies.receiving(engine)
    assert closing_reason(seen.view, ClosingRules(), seen.now) is None
    assert (
        closing_reason(seen.view, ClosingRules(), seen.now + timedelta(seconds=31))
        is ClosingReason.QUIET_PERIOD
    )


def test_a_flagged_outcome_moves_the_study_up_in_the_same_transaction(engine: Engine) -> None:
    register(engine, arrived())
    key = row_of(engine, "key")
    lease = start(engine, close(engine).analyses[0])
    analyses.succeed(engine, lease, outcome(), [evidence_draft()], ["PACS"], POLICY)
    assert row_of(engine, "state", "study") == "analysed"
    assert row_of(engine, "key") < key  # type: ignore[operator]  # both are floats
    assert [row.state for row in evidence.list_deliveries(engine)] == ["pending"]
    with engine.begin() as connection:
        kinds = (
            connection.execute(select(tables.finding.c.kind).order_by(tables.finding.c.id)).scalars().all()
        )
    assert kinds == ["view", "triage"]


def test_a_worker_that_lost_its_lease_records_nothing(engine: Engine) -> None:
    register(engine, arrived())
    (analysis_id,) = close(engine).analyses
    zombie = start(engine, analysis_id)
    expire_leases(engine)
    fresh = start(engine, analysis_id)
    assert fresh.fence > zombie.fence and fresh.started_at == zombie.started_at
    with pytest.raises(Conflict):
        analyses.succeed(engine, zombie, outcome(), [evidence_draft()], ["PACS"], POLICY)
    assert evidence.list_deliveries(engine) == ()
    analyses.succeed(engine, fresh, outcome(), [evidence_draft()], ["PACS"], POLICY)


def test_a_stale_ring_is_refused(engine: Engine) -> None:
    register(engine, arrived())
    (analysis_id,) = close(engine).analyses
    start(engine, analysis_id)
    with pytest.raises(Conflict):
        start(engine, analysis_id)


def test_three_lost_workers_quarantine_the_study_with_its_reason(engine: Engine) -> None:
    register(engine, arrived())
    (analysis_id,) = close(engine).analyses
    for attempt in range(3):
        assert start(engine, analysis_id).attempt == attempt + 1
        expire_leases(engine)
        freed, quarantined = expiry.take_back_expired(engine, 3, POLICY)
        assert (freed, quarantined) == (([analysis_id], []) if attempt < 2 else ([], [analysis_id]))
    assert row_of(engine, "ai_status") == "not-analysed"
    assert row_of(engine, "ai_reason") == "worker-lost"
    assert queue_rows.counts(engine) == {"quarantined": 1}


def test_a_failure_that_may_pass_is_tried_again_later(engine: Engine) -> None:
    register(engine, arrived())
    (analysis_id,) = close(engine).analyses
    lease = start(engine, analysis_id)
    assert analyses.fail(engine, lease, "crash", "it crashed", POLICY, retry=True, max_attempts=3) == "queued"
    with pytest.raises(Conflict):
        start(engine, analysis_id)


def test_data_that_cannot_be_analysed_fails_at_once(engine: Engine) -> None:
    register(engine, arrived())
    lease = start(engine, close(engine).analyses[0])
    done = analyses.fail(
        engine, lease, "undecodable", "cannot be decoded", POLICY, retry=False, max_attempts=3
    )
    assert done == "failed"
    assert row_of(engine, "reason") == "Not analysed: cannot be decoded"


def test_the_doorbell_is_rung_again_only_after_its_pause(engine: Engine) -> None:
    register(engine, arrived())
    (analysis_id,) = close(engine).analyses
    assert queue_rows.ring_due(engine, 15) == [analysis_id]
    assert queue_rows.ring_due(engine, 15) == []
    assert queue_rows.ring_due(engine, 0) == [analysis_id]
    assert queue_rows.next_due(engine) == analysis_id


def test_a_requeue_asks_again_and_takes_back_what_was_not_delivered(engine: Engine) -> None:
    register(engine, arrived())
    lease = start(engine, close(engine).analyses[0])
    analyses.succeed(engine, lease, outcome(), [evidence_draft()], ["PACS"], POLICY)
    chosen = requeue.select_studies(engine, Selection(accessions=("ACC-a",)))
    assert [done for _, done in requeue.requeue(engine, chosen, "cli:me", "test", POLICY)] == [
        Requeued.QUEUED
    ]
    again = requeue.select_studies(engine, Selection(state="queued"))
    assert [done for _, done in requeue.requeue(engine, again, "cli:me", "test", POLICY)] == [
        Requeued.ALREADY_QUEUED
    ]
    assert [row.state for row in evidence.list_deliveries(engine)] == ["superseded"]
    newest, oldest = queue_rows.of_study(engine, chosen[0].study_id)
    assert (newest.generation, newest.state, oldest.state) == (2, "queued", "superseded")
    assert start(engine, newest.id).predecessor_uid is None


def test_a_report_that_a_pacs_holds_is_named_as_the_predecessor(engine: Engine) -> None:
    register(engine, arrived())
    lease = start(engine, close(engine).analyses[0])
    analyses.succeed(engine, lease, outcome(), [evidence_draft()], ["PACS"], POLICY)
    (owed,) = evidence.take_due(engine, "PACS", lease_s=10)
    evidence.sent(engine, owed.id, 0x0000)
    requeue.requeue(
        engine, requeue.select_studies(engine, Selection(state="succeeded")), "cli:me", "test", POLICY
    )
    (newest, _) = queue_rows.of_study(engine, lease.study_id)
    assert start(engine, newest.id).predecessor_uid == evidence_draft().sop_instance_uid


def test_a_requeue_can_select_by_reason_pattern(engine: Engine) -> None:
    register(engine, arrived())
    lease = start(engine, close(engine).analyses[0])
    analyses.fail(engine, lease, "undecodable", "cannot be decoded", POLICY, retry=False, max_attempts=3)
    assert requeue.select_studies(engine, Selection(reason="^other$")) == []
    (chosen,) = requeue.select_studies(engine, Selection(state="failed", reason="decod"))
    assert chosen.reason == "undecodable"


def test_a_requeued_flag_keeps_its_place_until_the_next_answer_takes_it_back(engine: Engine) -> None:
    register(engine, arrived())
    lease = start(engine, close(engine).analyses[0])
    analyses.succeed(engine, lease, outcome(), [], [], POLICY)
    raised = row_of(engine, "key")
    assert isinstance(raised, float)
    chosen = requeue.select_studies(engine, Selection(state="succeeded"))
    requeue.requeue(engine, chosen, "cli:me", "test", POLICY)
    (newest, _) = queue_rows.of_study(engine, lease.study_id)
    assert row_of(engine, "key") == raised
    analyses.succeed(
        engine, start(engine, newest.id), outcome(TriageOutcome.NOT_FLAGGED, 0.01), [], [], POLICY
    )
    lowered = row_of(engine, "key")
    assert isinstance(lowered, float) and lowered > raised


def test_every_step_leaves_its_audit_entry_without_patient_data(engine: Engine) -> None:
    register(engine, arrived())
    lease = start(engine, close(engine).analyses[0])
    analyses.succeed(engine, lease, outcome(), [], [], POLICY)
    entries = audit.entries(engine, study_id=lease.study_id)
    assert "analysis.succeed" in [entry.action for entry in entries]
    assert "SENTINEL" not in str(entries)


def test_an_unknown_study_is_not_found(engine: Engine) -> None:
    with pytest.raises(NotFound):
        studies.find(engine, "1.2.3")
    register(engine, arrived())
    assert studies.find(engine, "ACC-a").instances == 1
