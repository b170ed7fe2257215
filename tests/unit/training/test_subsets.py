"""The search over subsets against brute force, and the command that runs it."""

from __future__ import annotations

import itertools
import json
import time
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from workers.evaluation import statistics
from workers.training import subsets
from workers.training.cli import main

NAMES = ("a", "b", "c", "d")


def _cases(
    seed: int, members: int, size: int, decimals: int
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    rng = np.random.default_rng(seed)
    positive = rng.random(size) < 0.4
    noise = rng.normal(size=(members, size))
    values = 1 / (1 + np.exp(-(noise + positive * rng.uniform(0.2, 1.5, (members, 1)))))
    return np.round(values, decimals), positive


@pytest.mark.parametrize("seed", range(6))
def test_every_subset_has_the_area_that_counting_by_hand_gives(seed: int) -> None:
    values, positive = _cases(seed, 4, 60, 2)
    found = {subset.members: subset for subset in subsets.search(NAMES, values, positive).ranked}
    chosen = [c for size in range(1, 5) for c in itertools.combinations(range(4), size)]
    assert len(found) == len(chosen) == 15
    for members in chosen:
        mean = values[list(members)].sum(axis=0) / len(members)
        subset = found[tuple(NAMES[i] for i in members)]
        delong = statistics.auc_delong(mean, positive)
        assert subset.area == pytest.approx(roc_auc_score(positive, mean), abs=1e-12)
        assert (subset.low, subset.high) == pytest.approx((delong.low, delong.high), abs=1e-12)


@pytest.mark.parametrize("seed", range(6))
def test_the_chosen_subset_is_the_one_that_brute_force_chooses(seed: int) -> None:
    values, positive = _cases(seed, 4, 40, 1)
    best: tuple[float, int, tuple[int, ...]] | None = None
    for size in range(1, 5):
        for members in itertools.combinations(range(4), size):
            mean = values[list(members)].sum(axis=0) / size
            difference = mean[positive][:, None] - mean[~positive][None]
            pairs = float((2 * (difference > 0) + (difference == 0)).sum())
            if best is None or pairs > best[0]:
                best = (pairs, size, members)
    assert best is not None
    assert subsets.search(NAMES, values, positive).chosen.members == tuple(NAMES[i] for i in best[2])


def test_of_equal_subsets_the_one_with_fewest_members_is_chosen() -> None:
    positive = np.arange(20) >= 10
    perfect = np.where(positive, 0.9, 0.1)
    found = subsets.search(NAMES[:3], np.stack([perfect, perfect, perfect]), positive)
    assert found.chosen.members == ("a",)
    assert found.equals == 7
    assert [len(subset.members) for subset in found.ranked] == [1, 1, 1, 2, 2, 2, 3]


def test_a_weighted_area_is_the_area_of_the_repeated_cases() -> None:
    values, positive = _cases(3, 3, 50, 1)
    counts = np.random.default_rng(1).integers(0, 4, 50)
    table = subsets.masks(3)
    scores = subsets.means(values, table)
    areas = subsets._Weighed(scores, positive).areas(counts)
    for row, area in zip(scores, areas, strict=True):
        assert area == pytest.approx(roc_auc_score(np.repeat(positive, counts), np.repeat(row, counts)))


def test_choosing_among_noise_is_seen_as_optimism() -> None:
    rng = np.random.default_rng(5)
    positive, patients = np.arange(80) % 2 == 0, np.repeat(np.arange(40), 2)
    noise = rng.random((6, 80))
    assert subsets.optimism("abcdef", noise, positive, patients, rounds=60, seed=1) > 0.05


def test_five_hundred_and_eleven_subsets_take_seconds() -> None:
    values, positive = _cases(0, 9, 5000, 6)
    begun = time.process_time()
    found = subsets.search([f"m{i}" for i in range(9)], values, positive)
    assert len(found.ranked) == 511
    assert time.process_time() - begun < 20
    assert found.chosen.area >= max(s.area for s in found.ranked)


@pytest.mark.parametrize(
    ("values", "labels"),
    [
        (np.full((2, 6), 1.5), np.arange(6) < 3),
        (np.full((2, 6), np.nan), np.arange(6) < 3),
        (np.full((2, 5), 0.5), np.arange(6) < 3),
        (np.full((2, 6), 0.5), np.arange(6) < 1),
    ],
)
def test_what_cannot_choose_is_refused(values: NDArray[np.float64], labels: NDArray[np.bool_]) -> None:
    with pytest.raises(subsets.SearchRefused):
        subsets.search(["a", "b"], values, labels)


def _files(folder: Path) -> tuple[Path, Path]:
    values, positive = _cases(1, 3, 80, 3)
    np.savez(folder / "val.npz", vgg16=values[0], resnet50=values[1], xception=values[2])
    rows = "".join(f"{int(label)},p{index // 2}\n" for index, label in enumerate(positive))
    (folder / "val.csv").write_text("label,patient\n" + rows)
    return folder / "val.npz", folder / "val.csv"


def test_the_command_freezes_its_choice_as_a_file(tmp_path: Path) -> None:
    values, labels = _files(tmp_path)
    arguments = ["ensemble", "search", "--probabilities", str(values), "--labels", str(labels)]
    done = CliRunner().invoke(main, [*arguments, "--json", "--out", str(tmp_path / "choice.json")])
    assert done.exit_code == 0, done.output
    report = json.loads(done.stdout)["items"][0]
    assert report == json.loads((tmp_path / "choice.json").read_text())
    assert report["subsets"] == 7
    assert report["patients"] == 40
    assert report["chosen"] == report["best"][0]
    assert {tuple(row["members"]) for row in report["single"]} == {("vgg16",), ("resnet50",), ("xception",)}


def test_labels_that_are_no_labels_end_with_a_sentence(tmp_path: Path) -> None:
    values, _ = _files(tmp_path)
    (tmp_path / "odd.csv").write_text("label\nfresh\n")
    arguments = ["ensemble", "search", "--probabilities", str(values), "--labels", str(tmp_path / "odd.csv")]
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 1
    assert "column `label`" in done.output
