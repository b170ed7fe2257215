"""A training from a site's dataset to a bundle: stopped, resumed, refused, packaged."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from tests.course_files import image_dataset
from triage.domain.errors import Conflict, Unprocessable
from workers.dataset.examples import IMAGE, gather
from workers.dataset.load import Dataset
from workers.evaluation.table import read_predictions
from workers.models.bundle import load_pinned
from workers.training.cli import main
from workers.training.course.checkpoint import BEST, STATE, Epoch, State
from workers.training.course.material import material
from workers.training.course.network import task_of
from workers.training.course.package import package
from workers.training.course.recipe import Recipe, recipe_of
from workers.training.course.run import Result, course
from workers.training.verify import verify_all

_SMALL = {
    "height": 32, "width": 32, "stem": 4, "widths": [4, 4, 8, 8], "epochs": 4, "batch": 12, "patience": 9,
    "learning_rate": 0.01,
}  # fmt: skip


def recipe(**changes: Any) -> Recipe:
    return recipe_of({"task": "fracture", **_SMALL, **changes})


def trained(data: Path, out: Path, **options: Any) -> Result:
    return course(options.pop("recipe", recipe()), data, out, echo=print, **options)


@pytest.fixture(scope="module")
def data(runtime: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return image_dataset(tmp_path_factory.mktemp("site"))


@pytest.fixture(scope="module")
def whole(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("whole")
    assert trained(data, out).finished
    return out


def arrays(path: Path) -> dict[str, Any]:
    with np.load(path, allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}


def test_a_training_that_was_stopped_comes_to_the_same_bits(data: Path, whole: Path, tmp_path: Path) -> None:
    first = trained(data, tmp_path, stop_after=1)
    assert (first.epochs, first.finished, first.packaged) == (1, False, None)
    assert trained(data, tmp_path, stop_after=2).epochs == 3
    assert trained(data, tmp_path).finished
    for name in (STATE, BEST):
        mine, theirs = arrays(tmp_path / name), arrays(whole / name)
        assert mine.keys() == theirs.keys()
        # The history's last column is the time that an epoch took.
        mine["history"], theirs["history"] = (
            a.get("history", np.zeros((1, 1)))[:, :-1] for a in (mine, theirs)
        )
        assert all(np.array_equal(mine[key], theirs[key]) for key in mine)


def test_the_state_holds_the_moments_and_the_random_numbers(whole: Path) -> None:
    state = arrays(whole / STATE)
    assert sum(name.startswith("optimizer/") for name in state) > 20
    assert any(values.dtype.kind in "ui" for name, values in state.items() if name.startswith("model/"))


def test_a_folder_of_another_recipe_or_other_images_is_refused(
    whole: Path, tmp_path: Path, data: Path
) -> None:
    with pytest.raises(Conflict, match="another recipe"):
        trained(data, whole, recipe=recipe(epochs=5))
    other = image_dataset(tmp_path / "other", 45)
    with pytest.raises(Conflict, match="other images"):
        trained(other, whole)


def test_early_stopping_keeps_the_best_epoch(data: Path, tmp_path: Path) -> None:
    wild = recipe(epochs=12, patience=1, learning_rate=1.0, name="wild")
    found = trained(data, tmp_path, recipe=wild)
    assert found.finished
    assert found.best_epoch < found.epochs
    assert 6 <= found.epochs < 12


def test_nobody_gives_up_while_the_network_warms_up() -> None:
    worse = [Epoch(epoch, 1.0, 1.0 + epoch, 0.5, 1e-3, 1.0) for epoch in range(1, 11)]
    assert [State("", worse[:done]).stale(2, 12) for done in (3, 5, 6)] == [False, False, True]
    assert not State("", [*worse[:6], Epoch(7, 1.0, 0.1, 0.5, 1e-3, 1.0)]).stale(2, 12)


def test_the_bundle_carries_its_recipe_and_says_whose_images_made_it(whole: Path) -> None:
    bundle = load_pinned("site-fracture", whole / "bundles")
    assert bundle.description["recipe"] == recipe().to_toml() == (whole / "recipe.toml").read_text()
    assert bundle.data_origin == "site"
    assert bundle.positive == "fresh"
    assert bundle.label_ids == ("fresh", "not-fresh")
    card = (bundle.path / "card.md").read_text()
    assert "one site's images" in card
    assert "synthetic" not in card
    assert verify_all(whole / "bundles", golden=True, echo=print) == 0


def test_the_same_command_once_more_packages_the_same_bytes_on_any_day(
    data: Path, whole: Path, tmp_path: Path
) -> None:
    shutil.copytree(whole, tmp_path / "copy")
    os.utime(tmp_path / "copy" / BEST, (0, 0))
    first = trained(data, tmp_path / "copy").packaged
    again = trained(data, tmp_path / "copy").packaged
    assert first.digest == again.digest
    bundle = load_pinned("site-fracture", tmp_path / "copy" / "bundles")
    assert bundle.digest == again.digest
    assert bundle.provenance["trained_at"] == "1970-01-01"


def test_phantoms_are_never_passed_off_as_patients(runtime: None, tmp_path: Path) -> None:
    data = image_dataset(tmp_path / "phantoms", makers=["PHANTOM WORKS"])
    trained(data, tmp_path / "out", recipe=recipe(epochs=1))
    bundle = load_pinned("site-fracture", tmp_path / "out" / "bundles")
    assert bundle.data_origin == "synthetic-phantom"
    assert "synthetic phantoms only" in (bundle.path / "card.md").read_text()


def test_patients_are_never_passed_off_as_phantoms(runtime: None, tmp_path: Path) -> None:
    data = image_dataset(tmp_path / "both", makers=["PHANTOM WORKS", "SITE WORKS"])
    trained(data, tmp_path / "out", recipe=recipe(epochs=1))
    bundle = load_pinned("site-fracture", tmp_path / "out" / "bundles")
    assert bundle.data_origin == "site-and-synthetic-phantom"
    card = (bundle.path / "card.md").read_text()
    assert "phantoms only" not in card and "No patient image" not in card


def test_curves_and_predictions_are_written(whole: Path) -> None:
    with (whole / "curves.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert [row["epoch"] for row in rows] == ["1", "2", "3", "4"]
    assert (whole / "curves.png").read_bytes()[:4] == b"\x89PNG"
    table = read_predictions(whole / "predictions.csv")
    assert set(table.splits.tolist()) == {"calibrate", "test"}
    assert table.classes == ("fresh", "not-fresh")


def test_the_command_trains_and_its_table_is_judged(data: Path, tmp_path: Path) -> None:
    toml = tmp_path / "recipe.toml"
    toml.write_text(recipe(epochs=2).to_toml())
    out = tmp_path / "out"
    words = ["train", "fracture", "--data", str(data), "--recipe", str(toml), "--out", str(out), "--json"]
    done = CliRunner().invoke(main, words, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    (said,) = json.loads(done.stdout)["items"]
    assert said["finished"] and said["bundle"]["name"] == "site-fracture"
    judged = CliRunner().invoke(
        main, ["evaluate", "--predictions", str(out / "predictions.csv"), "--rounds", "100", "--out", str(out / "report")]
    )  # fmt: skip
    assert judged.exit_code == 0, judged.output


@pytest.mark.parametrize("words", [["train"], ["train", "fracture", "--all"], ["train", "fracture"]])
def test_a_command_that_does_not_say_what_to_train_is_wrong_usage(words: list[str], tmp_path: Path) -> None:
    assert CliRunner().invoke(main, [*words, "--out", str(tmp_path)]).exit_code == 2


@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
def test_half_precision_trains_and_leaves_whole_numbers(precision: str, data: Path, tmp_path: Path) -> None:
    half = recipe(precision=precision, epochs=2, name="half")
    trained(data, tmp_path, recipe=half, stop_after=1)
    assert trained(data, tmp_path, recipe=half).finished
    assert all(values.dtype == np.float32 for values in arrays(tmp_path / BEST).values())
    assert verify_all(tmp_path / "bundles", golden=True, echo=print) == 0


def test_focal_loss_and_a_published_network_go_the_same_way(data: Path, tmp_path: Path) -> None:
    published = recipe_of(
        {"task": "fracture", "backbone": "mobilenet", "height": 32, "width": 32, "epochs": 2, "loss": "focal"}
    )
    found = trained(data, tmp_path, recipe=published, stop_after=1)
    assert (found.epochs, found.finished) == (1, False)
    assert any(name.startswith("mobilenet/") for name in arrays(tmp_path / BEST))


def test_a_training_may_begin_from_weights(data: Path, whole: Path, tmp_path: Path) -> None:
    said: list[str] = []
    begun = recipe(epochs=1, name="begun", learning_rate=1e-6, augment=0.0)
    course(begun, data, tmp_path, start=whole / BEST, echo=said.append)
    assert any("variables loaded, 0 as they were" in line for line in said)
    before, after = arrays(whole / BEST), arrays(tmp_path / BEST)
    kernel = next(name for name in before if name.endswith("stem/kernel"))
    assert np.abs(before[kernel] - after[kernel]).max() < 1e-3


def test_given_weights_stay_with_the_training_and_its_bundle(data: Path, whole: Path, tmp_path: Path) -> None:
    begun = recipe(epochs=2, name="begun", learning_rate=1e-6)
    trained(data, tmp_path, recipe=begun, start=whole / BEST, stop_after=1)
    altered = {name: values * np.float32(1.01) for name, values in arrays(whole / BEST).items()}
    other = tmp_path / "other.npz"
    np.savez(other, **altered)
    for start in (None, other):
        with pytest.raises(Conflict, match="from other weights"):
            trained(data, tmp_path, recipe=begun, start=start)
    assert trained(data, tmp_path, recipe=begun, start=whole / BEST).finished
    provenance = load_pinned("begun", tmp_path / "bundles").provenance
    assert provenance["begun_from_sha256"] == hashlib.sha256((whole / BEST).read_bytes()).hexdigest()
    assert provenance["data_origin"] == "site-from-given-weights"


def test_phantoms_after_given_weights_are_not_called_purely_synthetic(whole: Path, tmp_path: Path) -> None:
    data = image_dataset(tmp_path / "phantoms", makers=["PHANTOM WORKS"])
    trained(data, tmp_path / "out", recipe=recipe(epochs=1), start=whole / BEST)
    bundle = load_pinned("site-fracture", tmp_path / "out" / "bundles")
    assert bundle.data_origin == "synthetic-phantom-from-given-weights"
    card = (bundle.path / "card.md").read_text()
    assert "from given weights" in card
    assert "phantoms only" not in card and "No patient image" not in card


def test_a_network_that_answers_the_same_to_everything_makes_no_bundle(data: Path, tmp_path: Path) -> None:
    trained(data, tmp_path, recipe=recipe(name="blind"), stop_after=1)
    blind = {name: np.zeros_like(values) for name, values in arrays(tmp_path / BEST).items()}
    np.savez(tmp_path / BEST, **blind)
    task = task_of(recipe(name="blind"), ("fresh", "not-fresh"))
    dataset = Dataset(data)
    ready = material(
        dataset, gather(dataset, IMAGE), ("fresh", "not-fresh"), task.preprocessing, tmp_path / "prepared"
    )
    with pytest.raises(Unprocessable, match="learnt nothing"):
        package(task, recipe(name="blind"), ready, tmp_path)
