"""The whole way at the smallest scale: render, train a few steps, package, load."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from workers.models.bundle import load_pinned
from workers.training.batches import crop_batches, gate_batches, heat, locator_batches
from workers.training.cache import Cache
from workers.training.package_locator import match
from workers.training.plan import SCALES, radiographs, strangers
from workers.training.run import ORDER, package_step, render_step, train_step


@pytest.fixture(scope="module")
def out(runtime: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("run")
    render_step(root, seed=2, scale="tiny", processes=1, echo=print)
    return root


def test_no_patient_is_in_two_splits() -> None:
    rows = radiographs(2, SCALES["full"])
    assert len({row.patient_seed for row in rows}) == len(rows)
    shares = [sum(row.split == name for row in rows) / len(rows) for name in ("train", "calibrate", "test")]
    assert shares[0] > 0.6
    assert min(shares[1:]) > 0.08
    assert {row.kind for row in strangers(2, SCALES["tiny"])} >= {"hand", "chest_side", "long_bone"}


def test_the_plan_is_a_function_of_the_seed() -> None:
    assert radiographs(5, SCALES["tiny"]) == radiographs(5, SCALES["tiny"])
    assert radiographs(5, SCALES["tiny"]) != radiographs(6, SCALES["tiny"])


@pytest.mark.parametrize(("seed", "scale"), [(3, "tiny"), (2, "small")])
def test_phantoms_of_another_seed_or_scale_are_not_taken_for_the_wanted_ones(
    seed: int, scale: str, out: Path
) -> None:
    render_step(out, seed=2, scale="tiny", processes=1, echo=print)
    with pytest.raises(SystemExit, match="another seed or scale"):
        render_step(out, seed=seed, scale=scale, processes=1, echo=print)


def test_heat_peaks_at_the_centres() -> None:
    spots = heat(np.array([[101.5, 61.5]]), 96, 48)
    assert divmod(int(spots.argmax()), 48) == (25, 15)


def test_matching_takes_the_nearest_pairs_once() -> None:
    pairs = match(np.array([[0.0, 0.0], [0.0, 3.0]]), np.array([[0.0, 2.5], [50.0, 0.0]]), 5.0)
    assert [(i, j) for i, j, _ in pairs] == [(1, 0)]


def test_batches_of_one_seed_repeat(out: Path) -> None:
    cache = Cache(out / "cache")
    bodies = cache.bodies(cache.film_indices("train", kept=True))
    twice = (
        [gate_batches(cache, spines=3, others=2, seed=1) for _ in range(2)],
        [locator_batches(cache, size=2, seed=1) for _ in range(2)],
        [crop_batches(cache, bodies, size=4, seed=1) for _ in range(2)],
    )
    for first, second in twice:
        (inputs, targets), (again, _) = next(first), next(second)
        assert np.array_equal(inputs, again)
        assert np.isfinite(inputs).all()
        assert all(np.isfinite(values).all() for values in targets.values())


def test_strangers_carry_no_label_but_being_outside(out: Path) -> None:
    inputs, targets = next(gate_batches(Cache(out / "cache"), spines=3, others=2, seed=1))
    assert len(inputs) == 5
    assert (targets["logits"][3:] == 0).all()
    assert (targets["coverage"][3:] == 0).all()
    assert targets["outside"][:, 0].tolist() == [0, 0, 0, 1, 1]


def test_a_tiny_training_writes_bundles_that_load(out: Path) -> None:
    train_step(out, ORDER, seed=2, scale="tiny", echo=print)
    digests = package_step(out, ORDER, seed=2, scale="tiny", echo=print)
    for name in ORDER:
        bundle = load_pinned(name, out / "bundles")
        assert bundle.digest == digests[name]
        assert bundle.provenance["data_manifest_sha256"] == Cache(out / "cache").digest
        assert bundle.provenance["scale"] == "tiny"
    assert load_pinned("vertebra-fresh", out / "bundles").operating_point("triage").threshold >= 0


def test_help_answers_without_a_network_library() -> None:
    code = "import sys; from workers.training.cli import main; main(['train', '--help'], standalone_mode=False); "
    code += "sys.exit(any(m in sys.modules for m in ('keras', 'tensorflow', 'numpy', 'numba')))"
    start = time.monotonic()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Example:" in done.stdout
    assert time.monotonic() - start < 10
