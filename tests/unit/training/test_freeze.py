"""Trained members become one bundle that answers with the mean of their probabilities."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from tests.course_files import image_dataset
from triage.domain.errors import Refused
from workers.evaluation.table import Predictions, read_predictions
from workers.models.bundle import load_pinned
from workers.training.cli import main
from workers.training.course.recipe import recipe_of
from workers.training.course.run import course
from workers.training.freeze import freeze
from workers.training.verify import verify_all

_MEMBERS = ("vgg16", "vgg19")


@pytest.fixture(scope="module")
def data(runtime: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return image_dataset(tmp_path_factory.mktemp("site"), 30)


@pytest.fixture(scope="module")
def runs(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs")
    for member in _MEMBERS:
        small = {
            "height": 32,
            "width": 32,
            "epochs": 1,
            "batch": 8,
            "learning_rate": 1e-4,
            "false_reject": 0.001,
        }
        recipe = recipe_of({"task": "fracture", "backbone": member, **small})
        course(recipe, data, out / "fracture" / member, echo=print)
    return out


def answered(table: Predictions) -> dict[str, Any]:
    return {
        str(case): table.probabilities[row] for row, case in enumerate(table.cases) if table.answered[row]
    }


@pytest.mark.timeout(400)
def test_a_frozen_ensemble_answers_with_the_mean_of_its_members_then_its_own_calibration(
    data: Path, runs: Path, tmp_path: Path
) -> None:
    asked = [
        "ensemble",
        "freeze",
        "fracture",
        "--runs",
        str(runs),
        "--data",
        str(data),
        "--out",
        str(tmp_path),
    ]
    done = CliRunner().invoke(main, [*asked, "--member", "vgg16", "--member", "vgg19"])
    assert done.exit_code == 0, done.output
    bundle = load_pinned("site-fracture-ensemble", tmp_path / "bundles")
    assert bundle.architecture == "ensemble/1"
    assert set(bundle.provenance["members"]) == set(_MEMBERS)
    assert verify_all(tmp_path / "bundles", golden=True, echo=print) == 0
    members = [answered(read_predictions(runs / "fracture" / name / "predictions.csv")) for name in _MEMBERS]
    whole = answered(read_predictions(tmp_path / "predictions.csv"))
    common = sorted(set(whole) & set(members[0]) & set(members[1]))
    assert len(common) > 5
    mean = np.mean([[member[case] for case in common] for member in members], axis=0)
    logits = np.log(mean) / bundle.calibration["temperature"] + np.asarray(bundle.calibration["bias"])
    expected = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    assert np.abs(expected - [whole[case] for case in common]).max() < 0.01


@pytest.mark.timeout(400)
def test_members_that_read_otherwise_and_strangers_are_refused(
    data: Path, runs: Path, tmp_path: Path
) -> None:
    with pytest.raises(Refused, match="mobilenet cannot be a member"):
        freeze(runs / "fracture", "fracture", ("vgg16", "mobilenet"), data, tmp_path, echo=print)
    shutil.copytree(runs / "fracture" / "vgg16", tmp_path / "runs" / "vgg16")
    other = {"height": 32, "width": 48, "epochs": 1, "batch": 8, "learning_rate": 1e-4}
    recipe = recipe_of({"task": "fracture", "backbone": "vgg19", **other})
    course(recipe, data, tmp_path / "runs" / "vgg19", echo=print)
    with pytest.raises(Refused, match="reads or answers otherwise"):
        freeze(tmp_path / "runs", "fracture", _MEMBERS, data, tmp_path / "out", echo=print)


@pytest.mark.timeout(400)
def test_an_ensemble_is_frozen_on_its_members_own_dataset_alone(runs: Path, tmp_path: Path) -> None:
    other = image_dataset(tmp_path / "other", 32)
    with pytest.raises(Refused, match="is not the dataset that its members were trained on"):
        freeze(runs / "fracture", "fracture", _MEMBERS, other, tmp_path / "out", echo=print)
    assert not (tmp_path / "out").exists()
