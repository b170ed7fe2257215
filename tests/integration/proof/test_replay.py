"""A made-up week in a real database: ledger and replay from what the hops wrote."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, text

from tests.command_line import Triage
from tests.worklist_cast import (
    ACCESSION,
    PATIENT_NAME,
    POLICY,
    analysed,
    delivered,
    flagged,
    image_arrives,
    not_flagged,
)
from triage.domain.closing import ClosingReason
from triage.domain.errors import NotFound
from triage.domain.finding import Outcome
from triage.domain.outcome import OutcomeLabel, ReportedOutcome
from triage.store import analyses, ledger, outcomes, studies, worklist
from triage.store.engine import transaction

PER_DAY, DAYS = 8, 7


def put_back(engine: Engine, study_id: int, arrived: datetime, opened: datetime) -> None:
    """Move a study's hops to when they are to have been: the database's clock wrote them all just now."""
    statements = (
        "UPDATE worklist_item SET arrived_at = :a, opened_at = :o, completed_at = :o WHERE study_id = :id",
        "UPDATE study SET first_arrival = :a WHERE id = :id",
        "UPDATE analysis SET queued_at = :a, finished_at = :a + interval '2 minutes', "
        "placed_at = :a + interval '2 minutes' WHERE study_id = :id",
    )
    with transaction(engine) as connection:
        for statement in statements:
            connection.execute(text(statement), {"a": arrived, "o": opened, "id": study_id})


def read_week(engine: Engine, end: datetime) -> None:
    """Put in a week that was read in the order of arrival, an hour after each study came."""
    told: list[ReportedOutcome] = []
    for day in range(DAYS):
        for turn in range(PER_DAY):
            name = f"{day}-{turn}"
            study_id = image_arrives(engine, name)
            analysed(engine, study_id, flagged() if turn in (3, 5) else not_flagged())
            claimed = worklist.claim(engine, study_id, "Dr Ito")
            worklist.complete(engine, study_id, "Dr Ito", claimed.version)
            arrived = end - timedelta(days=DAYS - day) + timedelta(hours=4, minutes=10 * turn)
            put_back(engine, study_id, arrived, arrived + timedelta(hours=1))
            label = OutcomeLabel.FRESH if turn in (3, 6) else OutcomeLabel.NONE
            told.append(
                ReportedOutcome(len(told) + 2, f"{ACCESSION}-{name}", label, arrived + timedelta(hours=2))
            )
    outcomes.record(engine, told, "Dr Ito")


def test_a_week_is_replayed_under_another_order(engine: Engine, triage: Triage) -> None:
    read_week(engine, datetime.now(UTC))
    waiting = image_arrives(engine, "waiting")
    done = triage("worklist", "replay", "--since", "7d", "--policy", "flag", "--json")
    assert done.returncode == 0, done.stderr
    (shown,) = json.loads(done.stdout)["items"]
    assert (shown["studies"], shown["openings"], shown["still_waiting"]) == (57, 56, 1)
    assert (shown["labelled"], shown["fresh"]) == (56, 14)
    by = {(row["order"], row["kind"]): row for row in shown["kinds"]}
    assert by["human", "fresh fracture"]["wall"]["mean"] == pytest.approx(60, abs=0.1)
    assert by["as read", "fresh fracture"]["wall"] == by["human", "fresh fracture"]["wall"]
    # Flagged 3 and 5 are there when the first is opened, at 60 min: they wait 30 and 20 min, the missed 6 a turn longer.
    assert by["flag", "flagged"]["wall"]["mean"] == pytest.approx((30 + 20) / 2, abs=0.1)
    assert by["flag", "missed"]["wall"]["mean"] == pytest.approx(60, abs=0.1)
    assert 0 < shown["phi"] < 1
    assert shown["harm"]["actual"]["missed_p99"] == pytest.approx(60, abs=0.1)
    assert triage("worklist", "replay", "--threshold", "0.9", "--policy", "flag").returncode == 0
    assert ledger.of_study(engine, waiting).opened is None


def test_the_ledger_says_when_each_hop_was_done(engine: Engine, triage: Triage) -> None:
    study_id = image_arrives(engine, "a")
    first = ledger.of_study(engine, study_id)
    assert (first.complete, first.queued, first.inferred, first.sent, first.opened, first.reported) == (
        None,
    ) * 6
    analysed(engine, study_id, flagged())
    claimed = worklist.claim(engine, study_id, "Dr Ito")
    worklist.complete(engine, study_id, "Dr Ito", claimed.version)
    outcomes.record(
        engine, [ReportedOutcome(2, f"{ACCESSION}-a", OutcomeLabel.FRESH, datetime.now(UTC))], "x"
    )
    with transaction(engine) as connection:
        connection.execute(text("UPDATE delivery SET sent_at = now()"))
    delivered(engine, study_id)
    found = ledger.of_study(engine, study_id)
    hops = [
        found.first_image,
        found.complete,
        found.queued,
        found.inferred,
        found.reordered,
        found.opened,
        found.read,
    ]
    assert all(hop is not None for hop in hops)
    assert hops == sorted(hop for hop in hops if hop)
    assert (found.answer, found.label) == ("FLAGGED", OutcomeLabel.FRESH)
    assert found.sent is not None and found.reported is not None
    done = triage("study", "ledger", str(study_id), "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["items"][0]["study_id"] == study_id
    assert PATIENT_NAME not in done.stdout


def test_the_order_changed_when_the_flag_was_placed_and_not_when_the_angles_were_measured(
    engine: Engine,
) -> None:
    study_id = image_arrives(engine, "measured")
    for seen in studies.receiving(engine):
        studies.close(engine, seen, ClosingReason.QUIET_PERIOD, POLICY)
    with transaction(engine) as connection:
        analysis_id = int(connection.execute(text("SELECT id FROM analysis")).scalar_one())
    lease = analyses.start(engine, analysis_id, "worker-0", POLICY, lease_seconds=60, max_attempts=3)
    analyses.place(engine, lease, flagged(), POLICY)
    first = ledger.of_study(engine, study_id)
    assert first.reordered is not None and first.inferred is None
    # The child dies while it measures; the retry says the same flag again.
    assert (
        analyses.fail(engine, lease, "child-died", "it died", POLICY, retry=True, max_attempts=3) == "queued"
    )
    with transaction(engine) as connection:
        connection.execute(text("UPDATE analysis SET due_at = now()"))
    again = analyses.start(engine, analysis_id, "worker-0", POLICY, lease_seconds=60, max_attempts=3)
    analyses.succeed(engine, again, Outcome((), (), (), flagged(), ()), [], [], POLICY)
    found = ledger.of_study(engine, study_id)
    assert found.reordered == first.reordered
    assert found.inferred is not None and found.inferred > first.reordered


def test_an_answer_other_than_the_one_placed_is_another_change_of_the_order(engine: Engine) -> None:
    study_id = image_arrives(engine, "measured")
    for seen in studies.receiving(engine):
        studies.close(engine, seen, ClosingReason.QUIET_PERIOD, POLICY)
    with transaction(engine) as connection:
        analysis_id = int(connection.execute(text("SELECT id FROM analysis")).scalar_one())
    lease = analyses.start(engine, analysis_id, "worker-0", POLICY, lease_seconds=60, max_attempts=3)
    analyses.place(engine, lease, flagged(0.7), POLICY)
    first = ledger.of_study(engine, study_id)
    analyses.succeed(engine, lease, Outcome((), (), (), not_flagged(), ()), [], [], POLICY)
    found = ledger.of_study(engine, study_id)
    assert first.reordered is not None and found.reordered is not None
    assert first.reordered < found.reordered == found.inferred


def test_a_study_that_is_not_there_has_no_ledger(engine: Engine) -> None:
    with pytest.raises(NotFound):
        ledger.of_study(engine, 1)


def test_a_week_in_which_nothing_was_opened_is_said_plainly(engine: Engine, triage: Triage) -> None:
    image_arrives(engine, "a")
    done = triage("worklist", "replay")
    assert done.returncode == 1
    assert "nothing to replay" in done.stderr
