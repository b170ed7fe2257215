"""The stop rule at work in a real database: weeks that harm, weeks too thin, and rounds that change nothing."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine

from tests.command_line import Triage
from tests.integration.proof.test_replay import put_back
from tests.worklist_cast import ACCESSION, PATIENT_NAME, analysed, flagged, image_arrives, not_flagged
from triage.dispatch import closer
from triage.domain.outcome import OutcomeLabel, ReportedOutcome
from triage.domain.policy import OrderPolicy, PolicyName
from triage.domain.rota import WEEKDAYS, Rota, Shift
from triage.store import audit, outcomes, worklist, worklist_policy
from triage.watch import round_of, watch

SITE = OrderPolicy()
DAYS, PER_DAY, MISSED = 7, 16, 6
MISSED_COMES_LAST = [*range(MISSED), *range(MISSED + 1, PER_DAY), MISSED]


def read_week(engine: Engine, end: datetime, turns: list[int]) -> list[tuple[datetime, datetime]]:
    """Put in a week: each day `turns` are read one after the other, ten minutes apart; return the waits.

    One fresh fracture a day was not flagged (`MISSED`), another was.
    """
    told: list[ReportedOutcome] = []
    waits = []
    for day in range(DAYS):
        start = end - timedelta(days=DAYS - day) + timedelta(hours=4)
        for place, turn in enumerate(turns):
            name = f"{day}-{turn}"
            study_id = image_arrives(engine, name)
            analysed(engine, study_id, flagged() if turn == 3 else not_flagged())
            worklist.complete(engine, study_id, "Dr Ito")
            waits.append((start + timedelta(minutes=10 * turn), start + timedelta(minutes=60 + 10 * place)))
            put_back(engine, study_id, *waits[-1])
            label = OutcomeLabel.FRESH if turn in (3, MISSED) else OutcomeLabel.NONE
            told.append(ReportedOutcome(len(told) + 2, f"{ACCESSION}-{name}", label))
    outcomes.record(engine, told, "Dr Ito")
    return waits


def in_force(engine: Engine) -> str:
    return str(worklist_policy.current(engine, SITE).policy.name)


def test_a_week_in_which_missed_fractures_waited_too_long_stops_the_order_and_says_why(
    engine: Engine, triage: Triage
) -> None:
    read_week(engine, datetime.now(UTC), MISSED_COMES_LAST)
    tried = triage("worklist", "watch", "--dry-run")
    assert (tried.returncode, in_force(engine)) == (10, PolicyName.SENIORITY), tried.stderr
    assert "nothing was changed" in tried.stderr
    done = triage("worklist", "watch", "--json")
    assert done.returncode == 10, done.stderr
    (shown,) = json.loads(done.stdout)["items"]
    assert (shown["stop"], shown["stopped"], shown["figures"]["studies"]) == (True, True, 112)
    # As read the missed one waited 210 - 60 min; by class and arrival it would have been an hour.
    assert shown["figures"]["actual"]["missed_p99"] == pytest.approx(150, abs=0.1)
    assert shown["figures"]["base"]["missed_p99"] == pytest.approx(60, abs=0.1)
    version = worklist_policy.current(engine, SITE)
    assert (version.policy.name, version.actor) == (PolicyName.HUMAN, audit.SYSTEM)
    assert "missed fractures' p99 wait is 150 min, +150% against 60" in version.reason
    written = [entry for entry in audit.entries(engine) if entry.action == "worklist.policy"]
    assert [entry.actor for entry in written] == [audit.SYSTEM]
    again = triage("worklist", "watch")
    assert (again.returncode, len(worklist_policy.history(engine, SITE))) == (0, 1)
    assert "no answer of a machine moves a study" in again.stderr


def test_a_week_read_by_class_and_arrival_goes_on(engine: Engine) -> None:
    now = datetime.now(UTC)
    read_week(engine, now, list(range(PER_DAY)))
    done = watch(engine, SITE, now)
    assert (done.decision.stop, done.change, in_force(engine)) == (False, None, PolicyName.SENIORITY)
    assert "within its bound" in done.decision.reason


def test_a_week_too_thin_decides_nothing(engine: Engine) -> None:
    now = datetime.now(UTC)
    assert "no study was opened" in watch(engine, SITE, now).decision.reason
    read_week(engine, now, MISSED_COMES_LAST[4:])
    done = watch(engine, SITE, now)
    assert (done.decision.stop, in_force(engine)) == (False, PolicyName.SENIORITY)
    assert "too little to judge: 84 studies in 7 days" in done.decision.reason


def test_whoever_resumes_after_a_stop_is_not_overruled_by_the_same_days(engine: Engine) -> None:
    now = datetime.now(UTC)
    read_week(engine, now, MISSED_COMES_LAST)
    assert watch(engine, SITE, now).change is not None
    worklist_policy.resume(engine, SITE, "Dr Ito", "looked at the reports")
    later = watch(engine, SITE, datetime.now(UTC))
    assert (later.decision.stop, in_force(engine)) == (False, PolicyName.SENIORITY)
    assert "too little to judge" in later.decision.reason


def test_days_under_settings_that_order_by_class_are_not_held_against_the_order_set_since(
    engine: Engine,
) -> None:
    by_class = OrderPolicy(name=PolicyName.HUMAN)
    read_week(engine, datetime.now(UTC), MISSED_COMES_LAST)
    worklist_policy.change(engine, by_class, SITE, "Dr Ito", "from today on")
    done = watch(engine, by_class, datetime.now(UTC))
    assert done.policy.name == PolicyName.SENIORITY
    assert (done.decision.stop, done.change) == (False, None)
    assert "too little to judge" in done.decision.reason
    worklist_policy.change(engine, by_class, SITE, "Dr Ito", "another word")
    begun = worklist_policy.machine_since(engine, by_class)
    assert begun == worklist_policy.history(engine, by_class)[-1].at
    assert worklist_policy.machine_since(engine, SITE) is None, "from the settings on"


def test_the_closers_process_stops_the_order_by_itself_and_outlives_a_bad_round(
    engine: Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    read_week(engine, datetime.now(UTC), MISSED_COMES_LAST)
    stop, rounds = threading.Event(), [0]

    def act() -> None:
        rounds[0] += 1
        if rounds[0] == 1:
            raise ValueError(PATIENT_NAME)
        round_of(engine, SITE)

    beside = threading.Thread(target=closer.every_hour, args=(act, stop, 0.01, 0.01))
    beside.start()
    ends = time.monotonic() + 30
    while time.monotonic() < ends and rounds[0] < 4:
        time.sleep(0.01)
    stop.set()
    beside.join(10)
    assert (in_force(engine), len(worklist_policy.history(engine, SITE))) == (PolicyName.HUMAN, 1)
    said = "".join(capsys.readouterr())
    assert "order stopped" in said and "hourly round failed" in said
    assert PATIENT_NAME not in said and ACCESSION not in said


def test_a_replay_counts_on_the_rota_and_with_the_guard_of_the_policy_in_force(
    engine: Engine, triage: Triage
) -> None:
    end = datetime.now(UTC)
    waits = read_week(engine, end, list(range(PER_DAY)))
    begins = end + timedelta(hours=5)
    ends = begins + timedelta(minutes=50)
    rota = Rota("UTC", (Shift(WEEKDAYS, f"{begins:%H:%M}", f"{ends:%H:%M}"),))
    worklist_policy.change(engine, SITE, replace(SITE, rota=rota, guard={"ROUTINE": 1}), "Dr Ito", "a try")
    done = triage("worklist", "replay", "--policy", "flag", "--json")
    assert done.returncode == 0, done.stderr
    (shown,) = json.loads(done.stdout)["items"]
    tail = next(row for row in shown["kinds"] if (row["order"], row["kind"]) == ("as read", "all"))
    expected = sum(rota.waited(*wait) for wait in waits) / len(waits)
    assert tail["staffed"]["mean"] == pytest.approx(expected, abs=0.2)
    assert tail["staffed"]["mean"] < 0.9 * tail["wall"]["mean"]
    assert shown["promoted_share"] > 0
    free = triage("worklist", "replay", "--policy", "flag", "--guard", "0", "0", "--json")
    assert json.loads(free.stdout)["items"][0]["promoted_share"] == 0
