"""Published networks beside our small ones on the same patients: read what `train` left, judge it the same way, compare.

Below the folder stand TASK/NETWORK, each the --out of a training of that task on one and the same dataset. Numbers come from
these files and from workers/evaluation; nothing is typed by hand.
Refuses (Refused): a folder without a finished training.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from triage.domain.errors import Refused
from workers.evaluation.assess import Plan, assess, compared
from workers.evaluation.run import positive_of
from workers.evaluation.table import Predictions, read_predictions
from workers.models.networks.ensemble import NINE
from workers.training import subsets
from workers.training.course.curves import TABLE as CURVES
from workers.training.course.effort import Sitting, sittings
from workers.training.course.package import BUNDLES, PREDICTIONS
from workers.training.course.recipe import Recipe, is_ours, read_recipe
from workers.training.course.run import RECIPE

_SEED = 0


@dataclass(frozen=True)
class Run:
    """A finished training: metrics are the bundle's, parameters the number of its network, best the epoch that was kept."""

    recipe: Recipe
    table: Predictions
    record: Mapping[str, Any]
    metrics: Mapping[str, Any]
    examples: Mapping[str, int]
    origin: str
    parameters: int
    megabytes: float
    epochs: int
    best: int
    sittings: tuple[Sitting, ...]

    @property
    def network(self) -> str:
        return self.recipe.backbone

    @property
    def published(self) -> bool:
        return not is_ours(self.network)

    @property
    def test(self) -> Predictions:
        return self.table.take(self.table.splits == "test")


def runs(folder: Path, rounds: int) -> dict[str, list[Run]]:
    """Finished trainings by task, published networks first."""
    tasks = sorted({path.parent.parent.name for path in folder.glob(f"*/*/{PREDICTIONS}")})
    if not tasks:
        raise Refused("runs", f"{folder} holds no finished training as TASK/NETWORK")
    return {task: runs_of(folder / task, rounds) for task in tasks}


def runs_of(folder: Path, rounds: int) -> list[Run]:
    """Finished trainings of the task that the folder is called after."""
    found = [_run(path.parent, rounds) for path in sorted(folder.glob(f"*/{PREDICTIONS}"))]
    return sorted(found, key=lambda one: not one.published)


@dataclass(frozen=True)
class Ended:
    """A training that left no bundle: too little learnt, or not at its end."""

    network: str
    epochs: int
    minutes: float


def without_bundle(folder: Path) -> list[Ended]:
    """Trainings of a task that came to epochs but to no bundle."""
    found = []
    for path in sorted(folder.glob(f"*/{CURVES}")):
        if not (path.parent / PREDICTIONS).exists():
            epochs = len(path.read_text(encoding="utf-8").splitlines()) - 1
            spent = sum(one.cpu_seconds for one in sittings(path.parent)) / 60
            found.append(Ended(path.parent.name, epochs, spent))
    return found


def _run(folder: Path, rounds: int) -> Run:
    from workers.models.bundle import load_pinned

    task = folder.parent.name
    recipe = read_recipe(folder / RECIPE, task)
    table = read_predictions(folder / PREDICTIONS)
    bundle = load_pinned(recipe.name, folder / BUNDLES)
    positive = recipe.subject.positive if recipe.subject.positive in table.classes else positive_of(table)
    with (folder / CURVES).open(newline="", encoding="utf-8") as stream:
        losses = [float(row["tune_loss"]) for row in csv.DictReader(stream)]
    made = bundle.provenance
    return Run(
        recipe, table, assess(table, Plan(positive, {}, rounds, _SEED), "test"), bundle.metrics, made["examples"], made["data_origin"],
        sum(int(np.size(array)) for array in bundle.weights.values()),
        sum(path.stat().st_size for path in bundle.path.iterdir()) / 1e6,
        len(losses), int(np.argmin(losses)) + 1, tuple(sittings(folder)),
    )  # fmt: skip


def against(one: Run, other: Run, rounds: int) -> Mapping[str, Any]:
    """DeLong's and McNemar's paired tests on the test cases that both answered."""
    plan = Plan(_flagged(one), {}, rounds, _SEED)
    return compared(one.test, other.test, plan, None)


def _flagged(one: Run) -> str | None:
    name = one.record.get("positive", {}).get("name")
    return None if name is None else str(name)


@dataclass(frozen=True)
class Choice:
    """The best subset on validation patients, and what it does on the test patients that chose nothing."""

    search: subsets.Search
    members: tuple[str, ...]
    optimism: float
    validation_patients: int
    test: Mapping[str, Any]
    versus_single: Mapping[str, Any]
    best_single: str


def choice(found: Sequence[Run], rounds: int) -> Choice | None:
    """Search every subset of the published nine among the runs; None with fewer than two of them, or no class to flag."""
    members = [one for one in found if one.network in NINE]
    if len(members) < 2:
        return None
    names = [one.network for one in members]
    flagged = _flagged(members[0])
    if flagged is None:
        return None
    here, there = (_together(members, split) for split in ("calibrate", "test"))
    index = here[0].index_of(flagged)
    values = np.stack([table.probabilities[:, index] for table in here])
    truth = here[0].labels == index
    search = subsets.search(names, values, truth)
    gap = subsets.optimism(names, values, truth, here[0].patients, rounds=50, seed=_SEED)
    single = next(one.members[0] for one in search.ranked if len(one.members) == 1)
    plan = Plan(flagged, {}, rounds, _SEED)
    mixed = _mean([there[names.index(name)] for name in search.chosen.members])
    alone = there[names.index(single)]
    return Choice(
        search, tuple(names), gap, len(np.unique(here[0].patients)), assess(mixed, plan, "")["positive"]["auc"],
        compared(mixed, alone, plan, None), single,
    )  # fmt: skip


def _together(members: Sequence[Run], split: str) -> list[Predictions]:
    """The cases of a split that all members answered, in one order."""
    tables = [one.table.take((one.table.splits == split) & one.table.answered) for one in members]
    kept = sorted(set.intersection(*(set(table.cases.tolist()) for table in tables)))
    return [table.take(_places(table, kept)) for table in tables]


def _places(table: Predictions, cases: Sequence[str]) -> NDArray[np.intp]:
    places = {str(case): row for row, case in enumerate(table.cases)}
    return np.array([places[case] for case in cases], np.intp)


def _mean(tables: Sequence[Predictions]) -> Predictions:
    return tables[0].with_probabilities(np.mean([table.probabilities for table in tables], axis=0))
