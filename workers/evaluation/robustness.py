"""How figures and abstentions change when films are spoilt: the ladder of corruptions, and a small attack.

Promise: the same cases at every level, through the same judge; both what is still right among the answered and how
many are declined are told, because declining a spoilt film is the right answer. Reported, never a gate.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from workers.dataset.load import Case, Dataset
from workers.evaluation import figures
from workers.evaluation.attack import BUDGETS, attacked
from workers.evaluation.corrupt import LADDER, corrupted
from workers.evaluation.predict import Answer, ImageJudge, Judge, grouped, table_of
from workers.evaluation.resample import PatientBootstrap, share
from workers.evaluation.statistics import auc
from workers.evaluation.table import Predictions

UNCHANGED = "unchanged"
FGSM = "FGSM (share of the range)"


def sample(dataset: Dataset, splits: Sequence[str], count: int, seed: int) -> list[Case]:
    """Return at most `count` cases, dealt evenly over the labels."""
    rng = np.random.default_rng([seed, 29])
    by_label: dict[str, list[Case]] = {}
    for case in dataset.of_split(*splits):
        by_label.setdefault(case.label, []).append(case)
    piles = [[cases[i] for i in rng.permutation(len(cases))] for _, cases in sorted(by_label.items())]
    dealt = [
        pile[depth] for depth in range(max(map(len, piles), default=0)) for pile in piles if depth < len(pile)
    ]
    return sorted(dealt[:count], key=lambda case: case.name)


def ladder(
    judge: Judge, dataset: Dataset, cases: Sequence[Case], positive: str | None, *, rounds: int, seed: int
) -> list[dict[str, Any]]:
    """Return a row per corruption and level; FGSM only for a network that sees the whole image."""
    answers: dict[tuple[str, float], list[Answer]] = {}
    for group in grouped(cases):
        films = [dataset.radiograph(case) for case in group]
        answers.setdefault((UNCHANGED, 0.0), []).extend(judge.answers(group, films))
        for name, level in _steps():
            spoilt = [
                replace(film, image=corrupted(film.image, name, level, seed + place))
                for place, film in enumerate(films)
            ]
            answers.setdefault((name, level), []).extend(judge.answers(group, spoilt))
        if isinstance(judge, ImageJudge):
            for budget in BUDGETS:
                found = attacked(judge, [case.label for case in group], films, budget)
                answers.setdefault((FGSM, budget), []).extend(found)
    tables = {step: table_of(cases, judge.columns.names, found) for step, found in answers.items()}
    return [_row(name, level, table, positive, rounds, seed) for (name, level), table in tables.items()]


def _steps() -> Iterator[tuple[str, float]]:
    for name, (_, levels) in LADDER.items():
        yield from ((name, float(level)) for level in levels)


def _row(
    name: str, level: float, table: Predictions, positive: str | None, rounds: int, seed: int
) -> dict[str, Any]:
    known = table.take(table.answered)
    everyone = PatientBootstrap(table.patients, rounds=min(rounds, 500), seed=seed)
    row: dict[str, Any] = {
        "corruption": name,
        "level": level,
        "cases": len(table),
        "declined": figures.pack(share(everyone, table.declined != "", np.ones(len(table), bool))),
    }
    if not len(known):
        return row
    right = known.probabilities.argmax(axis=1) == known.labels
    boot = PatientBootstrap(known.patients, rounds=min(rounds, 500), seed=seed)
    row["accuracy"] = figures.pack(share(boot, right, np.ones(len(known), bool)))
    if positive in known.classes:
        index = known.index_of(str(positive))
        value = auc(known.probabilities[:, index], known.labels == index)
        row["auc"] = round(value, 6) if np.isfinite(value) else None
    return row
