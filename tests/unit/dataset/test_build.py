"""Building a dataset from files: what is written, what is refused, and what never leaves."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from pydicom import dcmread
from pydicom.uid import RLELossless

from tests.dataset_files import SENTINEL, by_patient, film, save, write_labels
from triage.domain.errors import Refused
from workers.dataset.build import Built, DatasetRefused, build
from workers.dataset.load import Dataset
from workers.dataset.source import from_folder
from workers.training.cli import main

LABELS = {number: "fresh" if number % 3 == 0 else "old" for number in range(1, 31)}


def made(root: Path, *, leave_out: bool = False, seed: int = 2) -> Built:
    return build(
        from_folder(root / "dicom"), root / "labels.csv", root / "out", seed=seed, leave_out=leave_out
    )


def codes(root: Path) -> set[str]:
    with pytest.raises(DatasetRefused) as refused:
        made(root)
    return {problem.code for problem in refused.value.problems}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    save(tmp_path / "dicom", [film(patient, number) for patient in LABELS for number in (1, 2)])
    write_labels(tmp_path / "labels.csv", by_patient(LABELS))
    return tmp_path


def test_a_patient_is_in_one_split_and_every_class_is_counted(root: Path) -> None:
    manifest = made(root).manifest
    splits: dict[str, set[str]] = {}
    for case in manifest["cases"]:
        splits.setdefault(case["patient"], set()).add(case["split"])
    assert len(splits) == 30
    assert all(len(found) == 1 for found in splits.values())
    assert manifest["counts"]["train"] == {
        "fresh": {"images": 12, "patients": 6},
        "old": {"images": 24, "patients": 12},
    }
    assert any("'fresh' has 20 image(s), fewer than 100" in line for line in manifest["warnings"])
    assert manifest["imbalance"]["class_weights"] == {"fresh": 1.5, "old": 0.75}
    assert manifest["imbalance"]["focal"]["alpha"] == {"fresh": 1.333333, "old": 0.666667}


def test_building_again_gives_the_same_bytes_and_another_seed_another_split(root: Path) -> None:
    assert made(root).digest == made(root).digest
    assert made(root, seed=3).digest != made(root).digest


def test_no_name_and_no_identifier_stands_in_what_may_be_shared(root: Path) -> None:
    made(root)
    text = (root / "out" / "manifest.json").read_text()
    assert SENTINEL not in text
    assert "PHANTOM-00" not in text
    assert "19510302" not in text
    for private in ("salt", "files.json"):
        assert (root / "out" / private).stat().st_mode & 0o777 == 0o600
    assert (root / "out" / "salt").read_text() not in text
    case = json.loads(text)["cases"][0]
    assert case["groups"] == {
        "age_band": "70-79", "header_view": "LL", "scanner": "PHANTOM WORKS SYNTHETIC DETECTOR", "sex": "F",
    }  # fmt: skip


def test_a_label_without_an_image_and_an_image_without_a_label_are_refused(root: Path) -> None:
    write_labels(root / "labels.csv", by_patient({**dict.fromkeys(range(2, 31), "old"), 99: "fresh"}))
    assert codes(root) == {"label-without-image", "image-without-label"}
    left = made(root, leave_out=True).manifest
    assert len(left["left_out"]) == 3
    assert len(left["cases"]) == 58


def test_one_picture_under_two_patients_is_refused_whatever_its_encoding(root: Path) -> None:
    twin = film(31, 1, seed=1001)
    assert twin.PixelData == film(1, 1).PixelData
    twin.compress(RLELossless)
    twin.save_as(root / "dicom" / "twin.dcm", enforce_file_format=True)
    write_labels(root / "labels.csv", by_patient({**LABELS, 31: "old"}))
    assert codes(root) == {"one-picture-two-patients"}
    left = made(root, leave_out=True).manifest
    pictures = [case["pixel_sha256"] for case in left["cases"]]
    assert len(pictures) == len(set(pictures)) == 59


def test_a_split_that_tears_a_patient_apart_is_refused_even_when_leaving_out(root: Path) -> None:
    uids = [dcmread(path).SOPInstanceUID for path in sorted((root / "dicom").iterdir())]
    rows = [{"sop_instance_uid": uid, "label": "old", "split": "train"} for uid in uids]
    rows[0]["split"] = "test"
    write_labels(root / "labels.csv", rows)
    assert codes(root) == {"patient-in-two-splits"}
    with pytest.raises(DatasetRefused):
        made(root, leave_out=True)


def test_a_split_that_the_site_made_is_kept(root: Path) -> None:
    rows = [row | {"split": "test" if index < 5 else "train"} for index, row in enumerate(by_patient(LABELS))]
    write_labels(root / "labels.csv", rows)
    manifest = made(root).manifest
    assert {split: sum(n["images"] for n in labels.values()) for split, labels in manifest["counts"].items()} == {
        "test": 10, "train": 50,
    }  # fmt: skip


def test_an_image_without_a_patient_cannot_be_split(root: Path) -> None:
    lonely = film(1, 9)
    lonely.PatientID = ""
    lonely.StudyInstanceUID = "1.2.826.0.1.9"
    lonely.save_as(root / "dicom" / "lonely.dcm", enforce_file_format=True)
    assert "no-patient" in codes(root)


def test_the_same_picture_twice_of_one_patient_counts_once_unless_its_labels_differ(root: Path) -> None:
    repeat = film(1, 7, seed=1001)
    repeat.save_as(root / "dicom" / "repeat.dcm", enforce_file_format=True)
    assert len(made(root).manifest["cases"]) == 60
    uids = [dcmread(path).SOPInstanceUID for path in sorted((root / "dicom").iterdir())]
    rows = [
        {"sop_instance_uid": uid, "label": "fresh" if uid == repeat.SOPInstanceUID else "old"} for uid in uids
    ]
    write_labels(root / "labels.csv", rows)
    assert codes(root) == {"one-picture-two-labels"}


def test_what_is_no_image_is_passed_over_and_what_cannot_be_decoded_is_counted(root: Path) -> None:
    (root / "dicom" / "notes.txt").write_text("no DICOM")
    broken = film(1, 8)
    broken.PixelData = broken.PixelData[:20]
    broken.save_as(root / "dicom" / "broken.dcm", enforce_file_format=True)
    assert sum(made(root).manifest["unusable_files"].values()) == 1


def test_a_dataset_gives_native_pixels_back_and_notices_a_changed_file(root: Path) -> None:
    made(root)
    dataset = Dataset(root / "out")
    case = dataset.of_split("test")[0]
    assert dataset.radiograph(case).image.pixels.dtype.kind == "u"
    assert list(dataset.trouble()) == []
    source = (
        root / "dicom" / json.loads((root / "out" / "files.json").read_text())["files"][case.sop_instance_uid]
    )
    changed = dcmread(source)
    changed.ImageComments = "touched"
    changed.save_as(source)
    with pytest.raises(Refused, match="has changed"):
        dataset.radiograph(case)
    answer = CliRunner().invoke(main, ["dataset", "check", str(root / "out")])
    assert (answer.exit_code, "the file has changed" in answer.output) == (10, True)


def test_the_command_builds_and_refuses_in_words(root: Path) -> None:
    words = ["dataset", "build", "--dicom", str(root / "dicom"), "--labels", str(root / "labels.csv")]
    done = CliRunner().invoke(main, [*words, "--out", str(root / "out"), "--json"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["items"][0]["patients"] == 30
    write_labels(root / "labels.csv", by_patient({1: "old"}))
    refused = CliRunner().invoke(main, [*words, "--out", str(root / "other")])
    assert refused.exit_code == 1
    assert "the dataset is refused: image-without-label 58" in refused.output
    assert not (root / "other").exists()
