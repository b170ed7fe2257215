"""The scientist's whole way on a small phantom dataset: DICOM and labels, dataset, shipped bundles, report."""

from __future__ import annotations

import datetime
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.dataset_files import SENTINEL, write_labels
from workers.training.phantom.anatomy import FUSION, STANDING, sample_patient
from workers.training.phantom.radiograph import THORACOLUMBAR, Exposure, render
from workers.training.phantom_dicom import FilmHeader, Identity, film_dataset

ROWS = 512
PATIENTS = 10
POSITIONS = {"AP": "AP", "LATERAL": "LL"}


def write_films(folder: Path) -> list[dict[str, object]]:
    """Write an AP and a lateral film of each patient; return a label row per film."""
    folder.mkdir()
    rows: list[dict[str, object]] = []
    for number in range(PATIENTS):
        operated = number % 5 == 4
        patient = sample_patient(
            771_000_000 + number,
            state=FUSION if operated else STANDING,
            fractures=number % 2,
            fresh_share=1.0,
        )
        born, taken = datetime.date(1940 + number, 5, 1), datetime.datetime(2026, 11, 20, 8, 0)
        identity = Identity(
            f"evaluate {number}", number + 1, SENTINEL, "FM"[number % 2], born, taken, "XR SPINE 2V"
        )
        for place, (view, position) in enumerate(POSITIONS.items(), start=1):
            film = render(patient, Exposure(view, THORACOLUMBAR, rows=ROWS, width_ratio=0.7))
            data = film_dataset(
                film.pixels, identity, FilmHeader(place, "DX", view, position, film.spacing_mm)
            )
            data.save_as(folder / f"{number}-{view}.dcm", enforce_file_format=True)
            fresh = view == "LATERAL" and any(level.kind == "fresh" for level in film.levels)
            rows.append(
                {
                    "sop_instance_uid": data.SOPInstanceUID,
                    "view": view,
                    "fresh": "fresh" if fresh else "other",
                    "split": "calibrate" if number < 2 else "test",
                    "group_hardware": "rods" if operated else "none",
                }
            )
    return rows


def models(*words: object) -> dict[str, Any]:
    """Run the command in a process of its own: TensorFlow's thread pools can be set once."""
    command = [sys.executable, "-m", "workers.training.cli", *map(str, words), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stderr[-2000:]
    item: dict[str, Any] = json.loads(done.stdout)["items"][0]
    return item


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[dict[str, object]]]:
    root = tmp_path_factory.mktemp("films")
    return root, write_films(root / "dicom")


def built(root: Path, rows: list[dict[str, object]], column: str) -> Path:
    kept = [row for row in rows if column == "view" or row["view"] == "LATERAL"]
    labels = [
        {"label": row[column], **{k: row[k] for k in ("sop_instance_uid", "split", "group_hardware")}}
        for row in kept
    ]
    out = root / f"by-{column}"
    write_labels(root / f"{column}.csv", labels)
    # The fracture labels speak of laterals alone: the other films are left out, and the manifest says so.
    words = ["dataset", "build", "--dicom", root / "dicom", "--labels", root / f"{column}.csv", "--out", out]
    assert models(*words, "--leave-out")["cases"] == len(kept)
    return out


def test_the_gate_is_judged_by_view_through_the_code_that_serves(
    films: tuple[Path, list[dict[str, object]]],
) -> None:
    root, rows = films
    words = ["evaluate", "view-gate", "--data", built(root, rows, "view"), "--out", root / "gate"]
    record = models(*words, "--rounds", 200, "--robustness", 6)
    assert record["table"]["classes"] == {"AP": 8, "LATERAL": 8}
    assert record["model"]["data_origin"] == "synthetic-phantom"
    confusion = record["overall"]["confusion"]
    assert sum(map(sum, confusion)) + sum(record["table"]["declined"].values()) == 16
    assert record["overall"]["accuracy"]["value"] >= 0.9
    assert {row["group"] for row in record["subgroups"]} == {
        "age_band",
        "hardware",
        "header_view",
        "scanner",
        "sex",
    }
    ladder = {(row["corruption"], row["level"]): row for row in record["robustness"]}
    clean, spoilt = ladder["unchanged", 0.0], ladder["noise (SD, share of the range)", 0.12]
    assert (len(ladder), clean["cases"]) == (1 + 7 * 4 + 3, 6)
    assert spoilt["declined"]["value"] >= clean["declined"]["value"]
    page = (root / "gate" / "report.html").read_text()
    assert "synthetic phantoms" in page
    assert SENTINEL not in page + (root / "gate" / "report.json").read_text()
    assert "PHANTOM-00" not in page


def test_the_flag_is_judged_as_one_chain_and_declines_as_the_worker_does(
    films: tuple[Path, list[dict[str, object]]],
) -> None:
    root, rows = films
    out = root / "flag"
    record = models(
        "evaluate", "vertebra-fresh", "--data", built(root, rows, "fresh"), "--out", out, "--rounds", 200
    )
    table = record["table"]
    truth = Counter(row["fresh"] for row in rows if row["view"] == "LATERAL" and row["split"] == "test")
    assert table["classes"] == {"other": truth["other"], "fresh": truth["fresh"]}
    assert table["answered"] + sum(table["declined"].values()) == 8
    assert table["answered"] >= 4
    names = [point["name"] for point in record["positive"]["operating_points"]]
    assert names == ["sensitive", "triage"]
    assert record["positive"]["thresholds_chosen_on"] == "given"
    again = models(
        "evaluate", "--predictions", out / "predictions.csv", "--threshold", 0.5, "--out", root / "again"
    )
    assert again["overall"]["confusion"] == record["overall"]["confusion"]
