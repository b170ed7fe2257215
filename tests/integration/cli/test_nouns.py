"""The administrator's acts, from the words typed to the rows changed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import Engine

from tests.command_line import Triage, items
from tests.integration.web.operations_cast import busy_day
from tests.measure_cast import angles
from tests.worklist_cast import PATIENT_ID, PATIENT_NAME, analysed, image_arrives, not_flagged, pattern
from triage.domain.closing import ClosingReason
from triage.domain.priority import OrderPolicy
from triage.store import analyses, queue_rows, studies


def fail_for_good(engine: Engine, study_id: int) -> None:
    seen = next(one for one in studies.receiving(engine) if one.study_id == study_id)
    closed = studies.close(engine, seen, ClosingReason.QUIET_PERIOD, OrderPolicy())
    assert closed is not None
    terms = {"lease_seconds": 60.0, "max_attempts": 1}
    lease = analyses.start(engine, closed.analyses[0], "w", OrderPolicy(), **terms)  # type: ignore[arg-type]
    analyses.fail(engine, lease, "timeout", "took too long", OrderPolicy(), retry=False, max_attempts=1)


def test_a_study_is_claimed_by_one_reader_and_the_other_is_told_by_whom(
    engine: Engine, triage: Triage
) -> None:
    study = str(image_arrives(engine, "a"))
    assert triage("worklist", "claim", study, "--as", "Dr Ito").returncode == 0
    refused = triage("worklist", "claim", study, "--as", "Dr Sato")
    assert refused.returncode == 4
    assert "taken by Dr Ito" in refused.stderr
    assert triage("worklist", "complete", study, "--as", "Dr Ito").returncode == 0
    assert [row["completed_by"] for row in items(triage("worklist", "list", "--tab", "read", "--json"))] == [
        "Dr Ito"
    ]
    acts = {entry["actor"] for entry in items(triage("audit", "list", "--study", study, "--json"))}
    assert "Dr Ito" in acts


def test_a_note_is_read_from_the_standard_input_and_printed_nowhere(engine: Engine, triage: Triage) -> None:
    study = str(image_arrives(engine, "a"))
    done = triage("worklist", "note", study, "--as", "Dr Ito", "--json", typed="SENTINEL-NOTE called\n")
    assert done.returncode == 0 and "SENTINEL" not in done.stdout + done.stderr
    (written,) = items(done)
    assert triage("worklist", "label", study, "teaching", "--as", "Dr Ito").returncode == 0
    listed = triage("worklist", "list", "--json")
    assert [(row["notes"], row["labels"]) for row in items(listed)] == [(1, ["teaching"])]
    assert "SENTINEL-NOTE" not in listed.stdout + triage("audit", "list", "--json").stdout
    refused = triage("worklist", "label", study, "unheard-of")
    assert refused.returncode != 0 and "The labels are: call referrer, discuss, teaching." in refused.stderr
    assert triage("worklist", "note", study, "--withdraw", str(written["note"])).returncode == 0
    assert triage("worklist", "label", study, "teaching", "--off").returncode == 0
    assert [(row["notes"], row["labels"]) for row in items(triage("worklist", "list", "--json"))] == [(0, [])]


def test_a_pin_puts_a_study_on_top_with_its_reason(engine: Engine, triage: Triage) -> None:
    image_arrives(engine, "first")
    second = image_arrives(engine, "second")
    assert (
        triage("worklist", "pin", str(second), "--as", "Dr Ito", "--reason", "surgeon waiting").returncode
        == 0
    )
    top = items(triage("worklist", "list", "--json"))[0]
    assert (top["study_id"], top["position"]) == (second, 1)
    why = items(triage("worklist", "why", str(second), "--json"))[0]
    assert (why["position"], why["waiting"]) == (1, 2)
    assert "surgeon waiting" in why["reason"]
    assert triage("worklist", "pin", str(second), "--off").returncode == 0


def test_why_says_what_the_two_views_show_together(engine: Engine, triage: Triage) -> None:
    study = image_arrives(engine, "curved")
    analysed(engine, study, not_flagged(), pattern())
    why = items(triage("worklist", "why", str(study), "--json"))[0]
    assert why["curve_pattern"] == "Possible atypical pattern of the curve."


def test_why_says_the_angles_by_name_and_why_one_is_missing(engine: Engine, triage: Triage) -> None:
    study = image_arrives(engine, "measured")
    analysed(engine, study, not_flagged(), measures=angles("1.2.3"))
    why = items(triage("worklist", "why", str(study), "--json"))[0]
    assert why["cobb_angle"] == "42 degrees, give or take 2, T5 to T12, convex to the right of the image"
    assert why["lumbar_lordosis"] == "Not measurable: the levels of the vertebrae are not known."


def test_nothing_waiting_is_not_found_and_not_an_error(triage: Triage) -> None:
    assert triage("worklist", "next").returncode == 3
    assert triage("worklist", "why", "no-such-study").returncode == 3


def test_a_terminal_never_shows_who_the_patient_is(engine: Engine, triage: Triage) -> None:
    study = str(image_arrives(engine, "a"))
    for words in (
        ("worklist", "list"),
        ("worklist", "list", "--json"),
        ("worklist", "why", study),
        ("study", "list"),
        ("study", "show", study),
        ("study", "show", study, "--json"),
        ("study", "events", study, "--json"),
        ("audit", "list"),
    ):
        done = triage(*words)
        assert done.returncode == 0, done.stderr
        assert PATIENT_NAME not in done.stdout + done.stderr
        assert PATIENT_ID not in done.stdout + done.stderr


def test_a_requeue_is_previewed_confirmed_and_done_once(engine: Engine, triage: Triage) -> None:
    study_id = image_arrives(engine, "a")
    fail_for_good(engine, study_id)
    words = ("requeue", "--state", "failed", "--reason", "time", "--json")
    preview = triage(*words, "--dry-run")
    assert (preview.returncode, items(preview)[0]["result"]) == (0, "would be queued")
    assert triage(*words).returncode == 7
    assert len(queue_rows.of_study(engine, study_id)) == 1
    done = triage(*words, "--yes", "--as", "Admin", "--because", "faster machine")
    assert (done.returncode, items(done)[0]["result"]) == (0, "queued")
    again = triage("requeue", "--study", str(study_id), "--yes", "--json")
    assert (again.returncode, items(again)[0]["result"]) == (6, "already-queued")
    assert len(queue_rows.of_study(engine, study_id)) == 2


def test_a_requeue_says_when_it_takes_on_less_than_matches(
    engine: Engine, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from triage.cli import requeue as command
    from triage.store import requeue as store

    monkeypatch.setattr(command, "MOST", 2)
    for name in "abc":
        image_arrives(engine, name)
    wanted = command.selection({"state": "not-analysed"})
    assert len(command.limited(store.select_studies(engine, wanted))) == 2
    assert "More than 2 studies match" in capsys.readouterr().err


def test_a_requeue_by_a_broken_pattern_changes_nothing(triage: Triage) -> None:
    done = triage("requeue", "--reason", "(", "--yes")
    assert done.returncode == 1
    assert "not a regular expression" in done.stderr


def test_check_names_what_is_away_and_ends_with_ten(triage: Triage) -> None:
    done = triage("check", "--json")
    assert done.returncode == 10
    verdicts = {answer["question"]: answer["verdict"] for answer in items(done)}
    assert (verdicts["database"], verdicts["redis"], verdicts["worker"]) == ("ok", "ok", "fail")
    assert all(answer["advice"] for answer in items(done) if answer["verdict"] != "ok")


def test_check_answers_even_where_nothing_was_ever_started(tmp_path: Path) -> None:
    environment = {"PATH": os.environ["PATH"], "TRIAGE_HOME": str(tmp_path / "nowhere")}
    command = [sys.executable, "-P", "-m", "triage", "check", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment)
    assert done.returncode == 10
    assert {answer["verdict"] for answer in items(done) if answer["question"] in ("database", "spool")} == {
        "fail"
    }


def test_status_counts_what_waits(engine: Engine, triage: Triage) -> None:
    image_arrives(engine, "a")
    parts = {row["part"]: row["detail"] for row in items(triage("status", "--json"))}
    assert parts["studies"] == "1 receiving"
    assert "1 unread" in parts["worklist"]


def test_status_tells_failures_senders_and_the_last_day(engine: Engine, triage: Triage) -> None:
    busy_day(engine)
    done = triage("status", "--json")
    assert "SENTINEL" not in done.stdout
    parts = {row["part"]: row["detail"] for row in items(done)}
    assert parts["failure timeout"].startswith("1 failed, 0 quarantined, newest study ")
    assert parts["sender CR_ROOM_1"] == "4 objects in 24 h"
    assert parts["last 24 h"] == "4 received, 2 analysed, 1 flagged, 0 flags later than 3 min"
    assert parts["wait ROUTINE, flagged"].startswith("1 opened, p50 40 min")


def test_the_database_is_upgraded_twice_without_harm(triage: Triage) -> None:
    assert triage("db", "upgrade").returncode == triage("db", "upgrade").returncode == 0
    shown = items(triage("db", "current", "--json"))[0]
    assert shown["current"] == shown["needed"]


def test_nobody_to_retry_is_said_so(triage: Triage) -> None:
    assert triage("evidence", "list", "--json").returncode == 0
    assert triage("evidence", "retry", "--state", "refused", "--yes").returncode == 3
    assert triage("evidence", "retry").returncode == 2


def test_a_peer_nobody_knows_and_one_that_is_away(triage: Triage) -> None:
    assert triage("dicom", "echo", "NOBODY").returncode == 3
    away = triage("dicom", "echo", "PACS@127.0.0.1:1")
    assert away.returncode == 5
    assert "nothing answers there" in away.stderr
