"""What the terminal tells of an evaluation."""

from __future__ import annotations

from pathlib import Path

from tests.prediction_tables import write_table
from workers.evaluation.figures import quotable
from workers.evaluation.run import Wanted, run
from workers.evaluation.summary import lines


def test_where_patients_have_several_cases_the_area_is_quoted_with_the_interval_by_patient(tmp_path: Path) -> None:  # fmt: skip
    table = write_table(tmp_path / "a.csv")
    record = run(tmp_path / "out", Wanted(positive="fresh", rounds=100), predictions=table)
    assert not record["positive"]["auc"]["cases_per_patient_is_one"]
    told = next(line for line in lines(record) if "AUC" in line)
    assert "(bootstrap by patient; thresholds chosen on: the split calibrate)" in told
    low = record["positive"]["auc"]["by_patient"]["low"]
    assert f"[{low:.3f}, " in told
    assert (
        f"[{low:.3f}, "
        in (tmp_path / "out" / "report.html").read_text().partition("ROC curve of fresh, area")[2][:40]
    )


def test_where_each_patient_has_one_case_the_area_is_quoted_with_delongs_interval() -> None:
    delong, by_patient = {"value": 0.8, "low": 0.7, "high": 0.9}, {"value": 0.8, "low": 0.6, "high": 0.95}
    found = {"delong": delong, "by_patient": by_patient, "cases_per_patient_is_one": True}
    assert quotable(found) == (delong, "DeLong")
    assert quotable({**found, "cases_per_patient_is_one": False}) == (by_patient, "bootstrap by patient")


def test_a_comparison_with_another_model_is_told(tmp_path: Path) -> None:
    first, second = (write_table(tmp_path / f"{n}.csv", scored_by=n, skill=1.0 + n) for n in (0, 1))
    record = run(tmp_path / "out", Wanted(positive="fresh", rounds=100, compare=second), predictions=first)
    told = "\n".join(lines(record))
    right = record["comparison"]["accuracy"]
    assert f"right only here {right['only_first_right']}, only there {right['only_second_right']}" in told
    assert "difference in AUC -" in told
    assert "DeLong p" in told
