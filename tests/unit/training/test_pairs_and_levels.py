"""Networks of pairs and of single vertebrae: trained, packaged, and judged again by `evaluate` as they were packaged."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from pydicom.dataset import FileDataset

from tests.course_files import built, spotted
from workers.evaluation.table import read_predictions
from workers.models import roles
from workers.models.bundle import BundleRejected, load, load_pinned
from workers.training.cli import main
from workers.training.course.recipe import recipe_of
from workers.training.course.run import course
from workers.training.untrained import write_untrained
from workers.training.verify import verify_all

_SMALL = {"stem": 4, "widths": [4, 4, 8, 8], "epochs": 2, "batch": 8, "height": 32, "width": 32}


def pairs(root: Path) -> Path:
    films: list[FileDataset] = []
    rows: list[dict[str, object]] = []
    for patient in range(1, 46):
        label = ("normal", "idiopathic", "atypical")[patient % 3]
        for number, view in ((1, "AP"), (2, "LATERAL")):
            film = spotted(patient, number, view, patient % 3 == 0, "SITE WORKS", times=3)
            films.append(film)
            rows.append({"sop_instance_uid": str(film.SOPInstanceUID), "label": label})
    return built(root, films, rows)


def vertebrae(root: Path) -> Path:
    return levels(root, lambda patient, upper: ("old", "fresh")[patient % 2] if upper else "normal")


def levels(
    root: Path, label: Callable[[int, bool], str] = lambda _, upper: "fresh" if upper else "old"
) -> Path:
    films: list[FileDataset] = []
    rows: list[dict[str, object]] = []
    for patient in range(1, 46):
        film = spotted(patient, 1, "LATERAL", patient % 2 == 0, "SITE WORKS", times=3)
        films.append(film)
        for level, row in (("L1", 37.0), ("L2", 109.0)):
            rows.append(
                {"sop_instance_uid": str(film.SOPInstanceUID), "level": level, "label": label(patient, row < 60),
                 "truth_row": row, "truth_column": 47.5}
            )  # fmt: skip
    return built(root, films, rows)


_MADE: dict[str, tuple[Callable[[Path], Path], dict[str, Any], tuple[str, ...]]] = {
    "pair": (pairs, {"backbone": "spinenet-dual"}, ("atypical", "idiopathic", "normal")),
    "vertebra": (vertebrae, {"spacing_mm": 0.6}, ("normal", "old", "fresh")),
    "marrow": (levels, {"spacing_mm": 0.6}, ("fresh", "old")),
}


@pytest.mark.parametrize("task", sorted(_MADE))
def test_a_packaged_network_gives_the_same_answers_in_evaluate(
    runtime: None, task: str, tmp_path: Path
) -> None:
    make, extra, classes = _MADE[task]
    data = make(tmp_path / "site")
    table: dict[str, Any] = {"task": task, **_SMALL, **extra}
    course(recipe_of(table), data, tmp_path / "out", echo=print)
    bundles = tmp_path / "out" / "bundles"
    name = f"site-{task}"
    assert load_pinned(name, bundles).label_ids == classes
    assert verify_all(bundles, golden=True, echo=print) == 0
    words = ["evaluate", name, "--root", str(bundles), "--data", str(data), "--rounds", "100"]
    done = CliRunner().invoke(main, [*words, "--out", str(tmp_path / "report")], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    ours = read_predictions(tmp_path / "out" / "predictions.csv")
    theirs = read_predictions(tmp_path / "report" / "predictions.csv")
    order = np.argsort(ours.cases), np.argsort(theirs.cases)
    assert ours.cases[order[0]].tolist() == theirs.cases[order[1]].tolist()
    both = ours.answered[order[0]] & theirs.answered[order[1]]
    assert both.any()
    close = np.abs(ours.probabilities[order[0]] - theirs.probabilities[order[1]])[both]
    assert close.max() < 2e-3


def test_a_vertebra_trained_here_can_serve_the_flag(runtime: None, tmp_path: Path) -> None:
    data = vertebrae(tmp_path / "site")
    table: dict[str, Any] = {
        "task": "vertebra",
        "spacing_mm": 0.6,
        "name": "vertebra-fresh",
        "version": "2.0.1",
        **_SMALL,
    }
    course(recipe_of(table), data, tmp_path / "out", echo=print)
    bundle = load_pinned("vertebra-fresh", tmp_path / "out" / "bundles")
    assert bundle.version == "2.0.1"
    roles.check(bundle)
    (point,) = bundle.operating_points
    assert (point.name, point.figures["level"]) == ("triage", "film")
    assert (
        bundle.metrics["films, bodies at their true place"]["films"]
        == point.figures["positives"] + point.figures["negatives"]
    )


def test_labels_in_another_order_would_be_misread_and_are_refused(runtime: None, tmp_path: Path) -> None:
    digest = write_untrained(tmp_path, "vertebra-fresh")
    bundle = load(tmp_path / "vertebra-fresh", digest)
    roles.check(bundle)
    with pytest.raises(BundleRejected, match="in this order"):
        roles.check(replace(bundle, labels=bundle.labels[::-1]))
