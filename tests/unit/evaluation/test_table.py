"""The table of predictions: what it holds, and what is refused with its line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from triage.domain.errors import NotFound, Refused
from workers.evaluation.table import read_predictions, write_predictions

GOOD = (
    "case,patient,label,p_old,p_fresh,declined,split,group_sex,truth_cobb,measured_cobb\n"
    "a,1,fresh,0.25,0.75,,test,F,31,30.5\n"
    "b,1,old,,,OUT_OF_DISTRIBUTION,test,F,12,\n"
    "c,2,old,0.9,0.1,,test,M,,\n"
)


def written(folder: Path, text: str) -> Path:
    path = folder / "predictions.csv"
    path.write_text(text)
    return path


def test_a_declined_case_stays_and_is_not_an_answer(tmp_path: Path) -> None:
    table = read_predictions(written(tmp_path, GOOD))
    assert (len(table), table.classes) == (3, ("old", "fresh"))
    assert table.answered.tolist() == [True, False, True]
    assert table.declined.tolist() == ["", "OUT_OF_DISTRIBUTION", ""]
    assert table.groups["sex"].tolist() == ["F", "F", "M"]
    assert np.isnan(table.measures["cobb"][1][1])


def test_writing_and_reading_give_the_same_table(tmp_path: Path) -> None:
    table = read_predictions(written(tmp_path, GOOD))
    digest = write_predictions(table, tmp_path / "again.csv")
    again = read_predictions(tmp_path / "again.csv")
    assert again.digest == digest
    assert (again.cases.tolist(), again.labels.tolist()) == (table.cases.tolist(), table.labels.tolist())
    assert np.allclose(again.probabilities, table.probabilities, equal_nan=True)


def test_an_npz_says_the_same(tmp_path: Path) -> None:
    np.savez(
        tmp_path / "p.npz", case=np.array(["a", "b"]), patient=np.array([1, 2]), label=np.array(["x", "y"]),
        p_x=np.array([0.25, 1.0]), p_y=np.array([0.75, 0.0]),
    )  # fmt: skip
    table = read_predictions(tmp_path / "p.npz")
    assert table.probabilities.tolist() == [[0.25, 0.75], [1, 0]]


def test_one_probability_is_its_class_against_the_rest(tmp_path: Path) -> None:
    table = read_predictions(written(tmp_path, "case,patient,label,p_1\na,1,0,0.2\nb,2,1,0.7\n"))
    assert (table.classes, table.labels.tolist()) == (("other", "1"), [0, 1])
    assert table.probabilities.tolist() == [[0.8, 0.2], [pytest.approx(0.3), 0.7]]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("case,label,p_a\nx,a,0.5\n", "column `patient`"),
        ("case,patient,label,p_a\n", "no rows"),
        ("case,patient,label,p_a,p_b\nx,1,a,0.5,0.5\nx,1,a,0.5,0.5\n", "lines 2 and 3"),
        ("case,patient,label,p_a,p_b\nx,1,a,0.5,1.2\n", "line 2: a probability lies outside"),
        ("case,patient,label,p_a,p_b\nx,1,a,0.5,0.2\n", "line 2: the probabilities do not sum"),
        ("case,patient,label,p_a,p_b\nx,1,c,0.5,0.5\n", "line 2: no column p_ for the label 'c'"),
        ("case,patient,label,p_a\nx,1,a,often\n", "p_a is no number"),
        ("case,patient,label\nx,1,a\n", "neither probabilities"),
    ],
)
def test_a_wrong_table_is_refused_with_its_line(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(Refused, match=said):
        read_predictions(written(tmp_path, text))


def test_a_table_that_is_not_there_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        read_predictions(tmp_path / "none.csv")
