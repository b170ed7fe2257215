"""The report from a table: what it counts, what it leaves open, and that it is the same twice."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from tests.prediction_tables import write_readers, write_table
from triage.domain.errors import Refused
from workers.evaluation import calibration
from workers.evaluation.run import Wanted, run
from workers.evaluation.table import read_predictions
from workers.models import calibrate
from workers.training.cli import main

WANTED = Wanted(rounds=200)


@pytest.fixture
def table(tmp_path: Path) -> Path:
    return write_table(tmp_path / "a.csv")


def test_a_declined_case_counts_among_the_served_as_not_flagged(table: Path, tmp_path: Path) -> None:
    record = run(tmp_path / "out", WANTED, predictions=table)
    judged = record["table"]
    assert judged["split"] == "test"
    assert judged["cases"] == judged["answered"] + judged["declined"]["OUT_OF_DISTRIBUTION"]
    point = record["positive"]["operating_points"][0]
    answered, served = point["answered"]["counts"], point["as_served"]["counts"]
    assert sum(answered.values()) == judged["answered"]
    assert sum(served.values()) == judged["cases"]
    assert served["true_positive"] == answered["true_positive"]
    assert (
        served["false_negative"] + served["true_negative"]
        > answered["false_negative"] + answered["true_negative"]
    )


def test_thresholds_come_from_other_cases_than_those_judged(table: Path, tmp_path: Path) -> None:
    record = run(tmp_path / "out", WANTED, predictions=table)
    assert record["positive"]["thresholds_chosen_on"] == "the split calibrate"
    everything = run(tmp_path / "all", Wanted(rounds=200, split="calibrate"), predictions=table)
    assert everything["positive"]["thresholds_chosen_on"] == "the same cases (optimistic)"
    given = run(tmp_path / "given", Wanted(rounds=200, thresholds={"ours": 0.4}), predictions=table)
    assert [p["threshold"] for p in given["positive"]["operating_points"]] == [0.4]


def test_the_same_table_gives_the_same_bytes(table: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        run(tmp_path / name, WANTED, predictions=table)
    for file in ("report.html", "report.json"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()
    page = (tmp_path / "one" / "report.html").read_text()
    assert "http" not in page.replace("http-equiv", "")
    assert "<script" not in page
    json.loads((tmp_path / "one" / "report.json").read_text(), parse_constant=_no_constant)


def _no_constant(name: str) -> Any:
    raise AssertionError(f"{name} is no JSON")


def test_small_subgroups_have_counts_and_no_figures(table: Path, tmp_path: Path) -> None:
    rows = {
        (row["group"], row["value"]): row
        for row in run(tmp_path / "out", WANTED, predictions=table)["subgroups"]
    }
    assert rows["hardware", "screws"]["too_few"] is True
    assert rows["sex", "F"]["auc"]["value"] > 0.7
    assert rows["sex", "F"]["sensitivity"]["low"] < rows["sex", "F"]["sensitivity"]["high"]


def test_two_models_are_compared_on_the_cases_that_both_answered(table: Path, tmp_path: Path) -> None:
    other = write_table(tmp_path / "b.csv", skill=0.6, scored_by=1)
    found = run(tmp_path / "out", Wanted(rounds=200, compare=other), predictions=table)["comparison"]
    assert found["left_out"] > 0
    assert found["delong"]["difference"]["low"] > 0
    assert found["delong"]["p"] < 0.05
    itself = run(tmp_path / "out", Wanted(rounds=200, compare=table), predictions=table)["comparison"]
    assert (itself["delong"]["p"], itself["accuracy"]["p"]) == (1.0, 1.0)


def test_tables_that_disagree_about_the_truth_are_not_compared(table: Path, tmp_path: Path) -> None:
    other = write_table(tmp_path / "b.csv", seed=2)
    with pytest.raises(Refused, match="disagree about the labels"):
        run(tmp_path / "out", Wanted(rounds=200, compare=other), predictions=table)


def test_readers_stand_beside_the_model_on_the_same_cases(table: Path, tmp_path: Path) -> None:
    calls = write_readers(tmp_path / "r.csv", table)
    found = run(tmp_path / "out", Wanted(rounds=200, readers=calls), predictions=table)["readers"]
    assert [row["reader"] for row in found] == ["Reader A", "Reader B"]
    assert "delong" not in found[0]
    assert found[1]["delong"]["first"] > found[1]["delong"]["second"]
    counts = found[0]["figures"]["counts"]
    assert sum(counts.values()) == found[0]["cases"]
    assert counts["true_positive"] / (counts["true_positive"] + counts["false_negative"]) == pytest.approx(
        0.85, abs=0.12
    )


def test_the_checklist_fills_what_is_known_and_leaves_the_rest_open(table: Path, tmp_path: Path) -> None:
    study = tmp_path / "study.toml"
    study.write_text('[checklist]\n6 = "Adults with a fall."\n')
    items = {
        row["item"]: row
        for row in run(tmp_path / "out", Wanted(rounds=200, study=study), predictions=table)["checklist"]
    }
    assert (items["6"]["answer"], items["6"]["from"]) == ("Adults with a fall.", "study file")
    assert items["10b"]["answer"] == "OPEN"
    assert "declined 5" in items["19"]["answer"]
    study.write_text('[checklist]\n99 = "x"\n')
    with pytest.raises(Refused, match="no checklist item is called 99"):
        run(tmp_path / "out", Wanted(rounds=200, study=study), predictions=table)


def test_ten_classes_have_no_operating_point_until_one_is_named(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    names = [f"k{i}" for i in range(10)]
    with (tmp_path / "t.csv").open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["case", "patient", "label", *(f"p_{name}" for name in names)])
        for case in range(200):
            label = int(rng.integers(10))
            writer.writerow(
                [case, case, names[label], *rng.dirichlet(np.ones(10) * 0.3 + 3 * (np.arange(10) == label))]
            )
    record = run(tmp_path / "out", WANTED, predictions=tmp_path / "t.csv")
    assert "positive" not in record
    assert len(record["classes"]) == 10
    named = run(tmp_path / "out", Wanted(positive="k3", rounds=200), predictions=tmp_path / "t.csv")
    assert named["positive"]["name"] == "k3"


@pytest.mark.parametrize("method", ["temperature", "isotonic"])
def test_a_calibration_is_judged_on_cases_it_did_not_see_and_served_as_it_was_fitted(
    method: str, tmp_path: Path
) -> None:
    table = read_predictions(write_table(tmp_path / "a.csv", cases=2500, skill=2.0))
    sharp = table.probabilities**4
    table = table.with_probabilities(sharp / sharp.sum(axis=1, keepdims=True))
    found = calibration.calibrated(table, method, rounds=200, seed=1)
    assert "fitted on the split `calibrate`" in found["measured"]
    assert found["after"]["ece"]["value"] < found["before"]["ece"]["value"] / 2
    assert found["after"]["log_loss"] < found["before"]["log_loss"]
    assert abs(found["after"]["slope"] - 1) < abs(found["before"]["slope"] - 1)
    known = table.probabilities[table.answered]
    served = calibrate.apply(np.log(np.clip(known, 1e-7, 1)), found["calibration"])
    assert np.allclose(served, calibration.applied(known, found["calibration"]))
    assert (served > 0).all()


def test_without_splits_a_calibration_is_cross_fitted_by_patient(tmp_path: Path) -> None:
    table = read_predictions(write_table(tmp_path / "a.csv", cases=400))
    lost = table.take(table.splits == "test")
    assert (
        "cross-fitted by patient"
        in calibration.calibrated(lost, "temperature", rounds=200, seed=1)["measured"]
    )


def answer(*words: object) -> dict[str, Any]:
    done = CliRunner().invoke(main, [*map(str, words), "--json"])
    assert done.exit_code == 0, done.output
    item: dict[str, Any] = json.loads(done.stdout)["items"][0]
    return item


def test_a_busier_list_asks_for_a_more_sensitive_threshold(table: Path) -> None:
    chosen = {}
    for rho in (0.0, 0.5, 0.95):
        found = answer("threshold", "--predictions", table, "--load", rho)
        chosen[rho] = {one["rule"]: one for one in found["choices"]}
    assert chosen[0.0]["load"]["threshold"] == chosen[0.0]["Youden"]["threshold"]
    thresholds = [chosen[rho]["load"]["threshold"] for rho in chosen]
    assert thresholds == sorted(thresholds, reverse=True)
    assert thresholds[0] > thresholds[-1]


def test_a_target_that_cannot_be_proven_says_so(table: Path) -> None:
    found = answer("threshold", "--predictions", table, "--target-sensitivity", 0.97)
    target = found["choices"][1]
    assert (target["rule"], target["proven"]) == ("target sensitivity", False)
    words = ["threshold", "--predictions", str(table), "--target-sensitivity", "0.97"]
    assert "NOT proven" in CliRunner().invoke(main, words).output


def test_a_forecast_tells_the_sites_day(table: Path) -> None:
    found = answer(
        "threshold",
        "--predictions",
        table,
        "--readers",
        2,
        "--per-hour",
        20,
        "--hours",
        9,
        "--prevalence",
        0.05,
    )
    assert found["rho"] == pytest.approx(20 * 5 / 120)
    for one in found["choices"]:
        day = one["day"]
        flagged = 0.05 * one["sensitivity"] + 0.95 * (1 - one["specificity"])
        assert day["flags_per_day"] == pytest.approx(180 * flagged, abs=1e-3)
        assert day["ppv"] == pytest.approx(0.05 * one["sensitivity"] / flagged, abs=1e-3)
        assert day["minutes_lost_per_other"] == pytest.approx(
            day["minutes_saved_per_diseased"] / 19, abs=1e-3
        )
    assert len(found["menu"]) > 4
    overloaded = CliRunner().invoke(main, ["threshold", "--predictions", str(table), "--per-hour", "60"])
    assert (overloaded.exit_code, "only below 1" in overloaded.output) == (1, True)


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["evaluate", "--out", "x"], 2),
        (["evaluate", "view-gate", "--out", "x"], 2),
        (["evaluate", "--predictions", "TABLE", "--positive", "tumour", "--out", "x"], 3),
    ],
)
def test_a_command_that_cannot_be_done_says_why(
    words: list[str], code: int, table: Path, tmp_path: Path
) -> None:
    words = [
        str(table) if word == "TABLE" else str(tmp_path / "x") if word == "x" else word for word in words
    ]
    done = CliRunner().invoke(main, words)
    assert done.exit_code == code, done.output


@pytest.mark.parametrize("name", ["evaluate", "calibrate", "threshold", "dataset"])
def test_help_ends_in_an_example(name: str) -> None:
    shown = CliRunner().invoke(main, [name, "--help"]).output
    assert shown.strip().splitlines()[-1].strip() != ""
    assert "Example: triage-models" in shown.strip().rsplit("\n\n", 1)[-1]
