"""Labels from a file into the database, and the figures that follow from them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from tests.command_line import Triage
from tests.worklist_cast import ACCESSION, abstained, answer, flagged, image_arrives, not_flagged
from triage.domain.outcome import OutcomeLabel, ReportedOutcome
from triage.store import audit, outcomes

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


@pytest.fixture
def outcomes_of(triage: Triage) -> Triage:
    return triage.under("worklist", "outcomes", TRIAGE_OUTCOMES__CODES='{ "S22.0" = "fresh" }')


def one(line: int, study: str, label: OutcomeLabel) -> ReportedOutcome:
    return ReportedOutcome(line, f"{ACCESSION}-{study}", label)


def test_importing_twice_changes_nothing_and_a_correction_changes_one(engine: Engine) -> None:
    for study in "ab":
        image_arrives(engine, study)
    rows = [one(2, "a", OutcomeLabel.FRESH), one(3, "b", OutcomeLabel.NONE), one(4, "c", OutcomeLabel.NONE)]
    first = outcomes.record(engine, rows, "Dr Ito")
    assert (first.recorded, first.unchanged, [problem.line for problem in first.unmatched]) == (2, 0, [4])
    again = outcomes.record(engine, rows, "Dr Ito")
    assert (again.recorded, again.unchanged) == (0, 2)
    corrected = outcomes.record(engine, [one(2, "b", OutcomeLabel.OLD)], "Dr Sato")
    assert (corrected.recorded, corrected.unchanged) == (1, 0)
    acts = [entry.action for entry in audit.entries(engine)]
    assert (acts.count("outcomes.import"), acts.count("outcome.record")) == (3, 3)


def test_a_later_file_without_times_keeps_the_time_of_the_report(engine: Engine) -> None:
    image_arrives(engine, "a")
    told = one(2, "a", OutcomeLabel.FRESH)
    timed = ReportedOutcome(2, told.accession_number, told.label, datetime.now(UTC))
    assert outcomes.record(engine, [timed], "x").recorded == 1
    assert outcomes.record(engine, [told], "x").unchanged == 1


def test_the_file_goes_in_and_the_figures_come_out(
    engine: Engine, outcomes_of: Triage, tmp_path: Path
) -> None:
    answers = {
        "tp": flagged(0.9),
        "fn": not_flagged(0.2),
        "fp": flagged(0.6),
        "tn": not_flagged(),
        "silent": abstained(),
    }
    for study, said in answers.items():
        answer(engine, image_arrives(engine, study, calling_ae="CR_2"), said)
    image_arrives(engine, "unlabelled")
    labels = {
        "tp": "fresh,",
        "fn": ",S22.0",
        "fp": "old,",
        "tn": "none,",
        "silent": "fresh,",
        "stranger": "none,",
        "bad": "?,",
    }
    file = tmp_path / "reports.csv"
    lines = [f"{ACCESSION}-{study},{label}" for study, label in labels.items()]
    file.write_text("accession,label,code\n" + "\n".join(lines) + "\n")
    done = outcomes_of("import", str(file), "--json")
    assert done.returncode == 6, done.stderr
    (shown,) = json.loads(done.stdout)["items"]
    assert (shown["recorded"], [problem["line"] for problem in shown["problems"]]) == (5, [7, 8])
    assert ACCESSION not in done.stdout + done.stderr
    found = read_figures(outcomes_of)
    assert (found["scored"], found["without_answer"], found["unlabelled"]) == (4, 1, 1)
    assert (found["sensitivity"]["value"], found["specificity"]["value"], found["auc"]["value"]) == (
        0.5,
        0.5,
        0.75,
    )


def read_figures(triage: Triage) -> dict[str, Any]:
    done = triage("figures", "--by-sender", "--json")
    assert done.returncode == 0, done.stderr
    whole, sender = json.loads(done.stdout)["items"]
    assert (whole["sender"], sender["sender"]) == (None, "CR_2")
    assert triage("figures").returncode == 0
    return dict(whole)


def test_studies_that_came_before_are_not_counted(engine: Engine) -> None:
    image_arrives(engine, "a")
    outcomes.record(engine, [one(2, "a", OutcomeLabel.FRESH)], "x")
    assert len(outcomes.scored(engine, LONG_AGO)) == 1
    assert outcomes.scored(engine, datetime.now(UTC) + timedelta(minutes=1)) == []


def test_an_accession_number_of_two_studies_is_not_guessed(engine: Engine) -> None:
    image_arrives(engine, "a")
    image_arrives(engine, "b")
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE study SET accession_number = 'SAME'")
    done = outcomes.record(engine, [ReportedOutcome(2, "SAME", OutcomeLabel.NONE)], "x")
    assert [problem.sentence for problem in done.unmatched] == [outcomes.SEVERAL]
