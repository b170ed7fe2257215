"""Corner network and U-Net from a phantom set to the bundle that measures angles, and one that has learnt nothing."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import FileDataset

from tests.course_files import built, corner_cells, shown
from triage.domain.errors import Unprocessable
from workers.evaluation.table import read_predictions
from workers.models import roles
from workers.models.bundle import load_pinned
from workers.training import phantom_sets
from workers.training.course.effort import sittings
from workers.training.course.recipe import Recipe, recipe_of
from workers.training.course.run import course
from workers.training.phantom_files import write_set
from workers.training.phantom_sets import Member, Rng, Sampler
from workers.training.verify import verify_all


def recipe(epochs: int) -> Recipe:
    small = {"stem": 4, "widths": [4, 4, 8, 8], "batch": 8, "height": 128, "width": 64}
    return recipe_of({"task": "alignment", "name": "alignment", "epochs": epochs, **small})


def coarse(sampler: Sampler) -> Sampler:
    """The same patients on films of 160 rows."""

    def sampled(rng: Rng, seed: int, index: int, difficulty: str) -> Member:
        member = sampler(rng, seed, index, difficulty)
        return replace(member, exposures=tuple(replace(one, rows=160) for one in member.exposures))

    return sampled


@pytest.fixture(scope="module")
def data(runtime: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("spines")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(phantom_sets.SAMPLERS, "alignment", coarse(phantom_sets.SAMPLERS["alignment"]))
        return write_set(
            "alignment", out, patients=20, seed=4, difficulty="standard", processes=1, echo=print
        )


def test_a_corner_network_becomes_a_bundle_that_serves(data: Path, tmp_path: Path) -> None:
    done = course(recipe(40), data, tmp_path, echo=print)
    assert done.finished
    bundle = load_pinned("alignment", tmp_path / "bundles")
    roles.check(bundle)
    assert verify_all(tmp_path / "bundles", golden=True, echo=print) == 0
    table = read_predictions(tmp_path / "predictions.csv")
    assert set(table.splits.tolist()) == {"calibrate", "test"}
    assert set(table.measures) == {"cobb", "kyphosis", "lordosis", "slope"}
    own = table.take(table.splits == "test")
    assert bundle.metrics["images"] == len(own)
    declined = Counter(code for code in own.declined.tolist() if code)
    assert bundle.metrics["not measurable, by reason"] == declined


def stacked(root: Path) -> Path:
    """Frontal films of 128 x 64 pixels of nine bright bodies on a dark ground, each spine leaning its own way."""
    films: list[FileDataset] = []
    rows: list[dict[str, object]] = []
    for patient in range(1, 31):
        rng = np.random.default_rng(patient)
        pixels = rng.random((128, 64), np.float32) * 0.1 + np.linspace(0, 0.2, 128, dtype=np.float32)[:, None]
        lean, squares = rng.uniform(-1.0, 1.0), []
        for body in range(9):
            top, left = 6 + 13 * body, round(24 + lean * body + rng.uniform(-1, 1))
            pixels[top : top + 9, left : left + 15] += 0.6
            square = [(top, left), (top, left + 14), (top + 8, left + 14), (top + 8, left)]
            squares.append(corner_cells([(float(row), float(column)) for row, column in square]))
        films.append(shown(pixels, patient, 1, "AP", "SITE", 0.6))
        uid = str(films[-1].SOPInstanceUID)
        rows += [
            {"sop_instance_uid": uid, "level": f"T{n}", "group_coverage": "WHOLE", **cells}
            for n, cells in enumerate(squares, 1)
        ]
    return built(root, films, rows)


def test_a_u_net_finds_the_bodies_and_is_measured_by_the_same_geometry(runtime: None, tmp_path: Path) -> None:
    chosen = recipe_of(
        {"task": "alignment", "backbone": "unet", "name": "alignment-unet", "epochs": 20, "stem": 4, "batch": 4,
         "height": 128, "width": 64, "learning_rate": 0.003, "augment": 0.0}
    )  # fmt: skip
    out = tmp_path / "out"
    assert course(chosen, stacked(tmp_path / "site"), out, echo=print).finished
    bundle = load_pinned("alignment-unet", out / "bundles")
    assert bundle.calibration["mask_threshold"] == 0.5
    assert "heatmap_threshold" not in bundle.calibration
    assert bundle.calibration["corner_mm"] < 0.6
    assert verify_all(out / "bundles", golden=True, echo=print) == 0
    assert {sitting.backend for sitting in sittings(out)} == {"tensorflow"}


def test_a_network_that_finds_no_corner_makes_no_bundle_and_says_so(data: Path, tmp_path: Path) -> None:
    with pytest.raises(Unprocessable, match="finds no corner"):
        course(recipe(1), data, tmp_path, echo=print)
    assert not (tmp_path / "bundles").exists()
