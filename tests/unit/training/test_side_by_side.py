"""Published networks beside small ones: the choice among subsets against scikit-learn, and the page from trainings to Markdown."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from sklearn.metrics import roc_auc_score

from tests.course_files import image_dataset
from tests.prediction_tables import write_table
from workers.evaluation.assess import Plan, assess
from workers.evaluation.table import Predictions, read_predictions
from workers.training.cli import main
from workers.training.course.recipe import recipe_of
from workers.training.course.run import course
from workers.training.side_by_side import Run, choice

_SKILL = {"vgg16": 1.0, "resnet50": 1.4, "xception": 0.2}


def run_of(network: str, table: Predictions) -> Run:
    recipe = recipe_of({"task": "marrow", "backbone": network})
    record = assess(table, Plan("fresh", {}, 100, 0), "test")
    return Run(recipe, table, record, {}, {}, "synthetic-phantom", 1, 1.0, 1, 1, ())


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Predictions]:
    out = tmp_path_factory.mktemp("tables")
    return {
        name: read_predictions(write_table(out / f"{name}.csv", skill=skill, scored_by=place))
        for place, (name, skill) in enumerate(_SKILL.items())
    }


def fresh_of(table: Predictions, split: str, cases: list[str]) -> tuple[np.ndarray[tuple[int], np.dtype[np.float64]], list[bool]]:  # fmt: skip
    rows = {str(case): row for row, case in enumerate(table.cases) if table.splits[row] == split}
    places = [rows[case] for case in cases]
    index = table.index_of("fresh")
    return table.probabilities[places, index], [bool(table.labels[place] == index) for place in places]


def common(tables: dict[str, Predictions], split: str) -> list[str]:
    return sorted(
        set.intersection(
            *({str(c) for c in t.cases[(t.splits == split) & t.answered]} for t in tables.values())
        )
    )


def test_the_subset_is_chosen_on_validation_cases_and_judged_on_test_cases(tables: dict[str, Predictions]) -> None:  # fmt: skip
    found = choice([run_of(name, table) for name, table in tables.items()], 100)
    assert found is not None
    assert len(found.search.ranked) == 7
    areas = {}
    for size in (1, 2, 3):
        for members in combinations(tables, size):
            for split in ("calibrate", "test"):
                scored = [fresh_of(tables[name], split, common(tables, split)) for name in members]
                mean = np.mean([scores for scores, _ in scored], axis=0)
                areas[members, split] = roc_auc_score(scored[0][1], mean)
    chosen = found.search.chosen
    best = max(area for (_, split), area in areas.items() if split == "calibrate")
    assert chosen.area == pytest.approx(best)
    assert areas[chosen.members, "calibrate"] == pytest.approx(best)
    assert found.test["by_patient"]["value"] == pytest.approx(areas[chosen.members, "test"], abs=1e-6)


def test_small_networks_and_a_single_member_choose_nothing(tables: dict[str, Predictions]) -> None:
    table = tables["vgg16"]
    assert choice([run_of("vgg16", table), run_of("spinenet", table)], 100) is None


def test_a_page_is_written_from_trainings_on_one_dataset(runtime: None, tmp_path: Path) -> None:
    data = image_dataset(tmp_path / "site")
    small = {"task": "fracture", "height": 32, "width": 32, "epochs": 1, "batch": 12, "learning_rate": 0.01}
    for backbone, more in (("mobilenet", {}), ("spinenet", {"stem": 4, "widths": [4, 4, 8, 8]})):
        recipe = recipe_of({**small, **more, "backbone": backbone})
        course(recipe, data, tmp_path / "runs" / "fracture" / backbone, echo=print)
    ended = tmp_path / "runs" / "fracture" / "vgg16"
    ended.mkdir()
    (ended / "curves.csv").write_text("epoch,tune_loss\n1,0.9\n2,0.8\n")
    report = tmp_path / "report"
    asked = ["side-by-side", "--runs", str(tmp_path / "runs"), "--report", str(report), "--rounds", "100"]
    done = CliRunner().invoke(main, asked)
    assert done.exit_code == 0, done.output
    page = (report / "published-backbones.md").read_text()
    assert "## S2, fresh fracture on a lateral film\n" in page
    assert "(synthetic)" not in page
    assert "| mobilenet | published | 3,230,914 | 32 x 32 | 1 (1) |" in page
    assert "- mobilenet against spinenet, " in page
    assert "Keras 3" in page
    assert "- vgg16: 2 epoch(s) in 0.0 CPU minutes, no bundle" in page
    assert (report / "published-backbones.png").stat().st_size < 60_000


def test_a_folder_without_a_finished_training_is_refused(tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["side-by-side", "--runs", str(tmp_path), "--report", str(tmp_path / "report")])  # fmt: skip
    assert done.exit_code != 0
    assert "holds no finished training" in done.output
