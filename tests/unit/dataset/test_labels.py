"""The label CSV: what it may say, and what is refused with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from triage.domain.errors import NotFound, Refused
from workers.dataset.labels import read_labels


def written(folder: Path, text: str) -> Path:
    path = folder / "labels.csv"
    path.write_text(text, encoding="utf-8-sig")
    return path


def test_a_row_carries_label_measures_groups_and_split(tmp_path: Path) -> None:
    table = read_labels(
        written(
            tmp_path,
            "sop_instance_uid,label,truth_cobb,truth_kyphosis,group_hardware,split,remarks\n"
            "1.2.3, fresh ,31.5,,screws,test,Mrs X\n",
        )
    )
    row = table.rows[0]
    assert (table.key_column, table.ignored) == ("sop_instance_uid", ("remarks",))
    assert (row.key, row.label, dict(row.measures), dict(row.groups), row.split) == (
        "1.2.3", "fresh", {"cobb": 31.5}, {"hardware": "screws"}, "test",
    )  # fmt: skip


def test_the_most_specific_key_counts(tmp_path: Path) -> None:
    table = read_labels(written(tmp_path, "patient_id,study_instance_uid,label\nP1,1.2,old\n"))
    assert (table.key_column, table.rows[0].key, table.ignored) == (
        "study_instance_uid",
        "1.2",
        ("patient_id",),
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("label\nfresh\n", "needs one of the columns"),
        ("patient_id,remark\nP1,x\n", "needs a column `label`"),
        ("patient_id,label\nP1,\n", "line 2 .* neither a label"),
        ("patient_id,label\n,fresh\n", "line 2 .* no patient_id"),
        ("patient_id,label\nP1,fresh\nP1,old\n", "lines 2 and 3"),
        ("patient_id,label,split\nP1,fresh,exam\n", "the split is one of"),
        ("patient_id,truth_cobb\nP1,12 deg\n", "truth_cobb is no number"),
        ("patient_id,truth_cobb\nP1,nan\n", "truth_cobb is no number"),
        ("patient_id,label\n", "no rows"),
    ],
)
def test_a_wrong_label_file_is_refused_with_its_line(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(Refused, match=said):
        read_labels(written(tmp_path, text))


def test_levels_of_one_image_are_different_things(tmp_path: Path) -> None:
    table = read_labels(written(tmp_path, "sop_instance_uid,level,label\n1.2,L1,fresh\n1.2,L2,old\n"))
    assert [row.level for row in table.rows] == ["L1", "L2"]


def test_a_missing_file_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        read_labels(tmp_path / "none.csv")
