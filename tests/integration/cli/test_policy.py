"""`triage worklist policy` from the words typed to the order of the rows."""

from __future__ import annotations

from sqlalchemy import Engine

from tests.command_line import Triage, items
from tests.worklist_cast import image_arrives
from triage.domain.policy import OrderPolicy
from triage.store import audit, worklist_policy


def test_the_settings_are_the_policy_until_somebody_sets_one(triage: Triage) -> None:
    (shown,) = items(triage("worklist", "policy", "show", "--json"))
    assert (shown["policy"], shown["policy_id"], shown["actor"]) == ("seniority B=2880", None, "the settings")
    assert triage("worklist", "policy", "history").stderr.startswith("The settings alone")


def test_a_policy_is_tried_confirmed_and_set_with_who_and_why(engine: Engine, triage: Triage) -> None:
    image_arrives(engine, "a")
    words = (
        "worklist",
        "policy",
        "set",
        "seniority",
        "--b",
        "1440",
        "--guard",
        "routine=30",
        "--reason",
        "agreed",
    )
    (tried,) = items(triage(*words, "--dry-run", "--json"))
    assert (tried["dry_run"], tried["waiting"], tried["policy_id"]) == (True, 1, None)
    assert (tried["before"], tried["policy"]) == ("seniority B=2880", "seniority B=1440")
    assert triage(*words, "--json").returncode == 7, "nobody confirmed"
    assert worklist_policy.current(engine, OrderPolicy()).id is None
    (done,) = items(triage(*words, "--yes", "--as", "Dr Ito", "--json"))
    assert (done["rekeyed"], done["dry_run"]) == (1, False)
    version = worklist_policy.current(engine, OrderPolicy())
    assert (version.policy.seniority_minutes, version.policy.guard["ROUTINE"]) == (1440.0, 30)
    assert (version.actor, version.reason) == ("Dr Ito", "agreed")
    assert "worklist.policy" in [entry.action for entry in audit.entries(engine)]


def test_one_command_stops_the_machine_s_order_and_one_brings_it_back(engine: Engine, triage: Triage) -> None:
    stopped = triage("worklist", "policy", "stop", "--reason", "flags look wrong", "--as", "Dr Ito")
    assert (stopped.returncode, "human" in stopped.stdout) == (0, True)
    assert triage("worklist", "policy", "stop", "--reason", "again").returncode == 4
    (answer,) = [row for row in items(triage("check", "--json")) if row["question"] == "order"]
    assert "flags look wrong" in answer["sentence"]
    assert triage("worklist", "policy", "resume", "--reason", "mended").returncode == 0
    assert worklist_policy.current(engine, OrderPolicy()).policy.name == "seniority"


def test_a_change_decided_on_another_policy_is_refused(engine: Engine, triage: Triage) -> None:
    assert triage("worklist", "policy", "set", "flag", "--reason", "a trial", "--yes").returncode == 0
    for words in (("stop",), ("set", "fifo", "--yes")):
        done = triage("worklist", "policy", *words, "--seen", "0", "--reason", "odd")
        assert done.returncode == 4 and "the order changed meanwhile: it is flag now" in done.stderr
    version = worklist_policy.current(engine, OrderPolicy())
    assert version.reason == "a trial"
    stopped = triage("worklist", "policy", "stop", "--seen", str(version.id), "--reason", "odd")
    assert stopped.returncode == 0
    late = triage("worklist", "policy", "resume", "--seen", str(version.id), "--reason", "mended")
    assert late.returncode == 4 and "the order changed meanwhile: it is human now" in late.stderr


def test_a_figure_that_is_none_is_refused_in_words(triage: Triage) -> None:
    for wrong in (("--guard", "HIGH=0"), ("--harm", "HIGH=2"), ("--prior", "SOON=.1"), ("--guard", "twenty")):
        done = triage("worklist", "policy", "set", "seniority", *wrong, "--reason", "x", "--yes")
        assert done.returncode in (1, 2) and done.stderr and "Traceback" not in done.stderr
    assert triage("worklist", "policy", "stop").returncode == 2, "without a reason nothing changes"
