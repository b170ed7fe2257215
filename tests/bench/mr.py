"""The MR pipeline on whole phantom slices, by difficulty: locate, classify, flag, as the worker does on the slice it chose.

    triage-models phantom set mr-vertebra --patients 150 --seed 3 --difficulty hard --out build/mr-hard
    python -m tests.bench.mr build/mr-easy build/mr-standard build/mr-hard

Patients of another seed than the training's; one slice each, up to 8 mm off the middle. Prints a Markdown table.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import numpy as np

from triage.domain.mr_series import MrImage
from workers.dataset.load import Case, Dataset
from workers.evaluation import statistics
from workers.infer import Served, configure_runtime
from workers.interpret import flag, sagittal, vertebrae
from workers.models import ood
from workers.models.bundle import load_pinned
from workers.models.preprocess import prepare


@dataclass(frozen=True)
class Slice:
    """What became of one: whether a body is fresh, the slice's probability, why there is none, and (fresh, p) of its fractures."""

    fresh: bool
    probability: float
    declined: str
    fractures: tuple[tuple[bool, float], ...]
    missed: int


def slices(folder: Path, locator: Served, classifier: Served) -> Iterator[Slice]:
    """Every slice of a set."""
    dataset = Dataset(folder / "dataset")
    cases = sorted(dataset.cases, key=lambda case: case.sop_instance_uid)
    for _, group in groupby(cases, key=lambda case: case.sop_instance_uid):
        yield _slice(dataset, list(group), locator, classifier)


def _slice(dataset: Dataset, cases: list[Case], locator: Served, classifier: Served) -> Slice:
    image = dataset.radiograph(cases[0]).image
    facts = MrImage("", "", "", along_row=(0.0, 1.0, 0.0), along_column=(0.0, 0.0, -1.0))
    turned = sagittal.turned(image, facts)
    ready = prepare(turned.image, locator.bundle.preprocessing)
    answers = locator.run(ready.array[None])
    fresh = any(case.label == "fresh" for case in cases)
    fractured = [case for case in cases if case.label != "normal"]
    chain = sagittal.bodies(answers.logits[0], answers.features[0], turned, ready.to_source, locator.bundle)
    if isinstance(chain, ood.Abstention):
        return Slice(fresh, float("nan"), chain.code, (), len(fractured))
    crops = vertebrae.crops(turned.image, chain, classifier.bundle)
    seen = classifier.run(np.stack([crop.array for crop in crops]))
    found = vertebrae.findings("1", turned.image, chain, seen.logits, seen.features, classifier.bundle)
    if isinstance(found, ood.Abstention):
        return Slice(fresh, float("nan"), found.code, (), len(fractured))
    pairs = []
    for case in fractured:
        away = np.hypot(*(chain.centres - (case.measures["row"], case.measures["column"])).T)
        if away.min() < 12:
            pairs.append((case.label == "fresh", found[int(away.argmin())].p_fresh))
    probability = flag.image_probability(found, classifier.bundle)
    return Slice(fresh, probability, "", tuple(pairs), len(fractured) - len(pairs))


def row(name: str, found: list[Slice], threshold: float) -> str:
    """One line of the table."""
    judged = [one for one in found if not one.declined]
    truth, score = np.array([one.fresh for one in judged]), np.array([one.probability for one in judged])
    patients = np.arange(len(judged)).astype(str)
    area = statistics.by_patient(lambda rows: statistics.auc(score[rows], truth[rows]), patients).rounded()
    bodies = [(who, *pair) for who, one in enumerate(judged) for pair in one.fractures]
    who, kind, p = (np.array(column) for column in zip(*bodies, strict=True))
    old = statistics.by_patient(lambda rows: statistics.auc(p[rows], kind[rows]), who.astype(str)).rounded()
    raised = score >= threshold
    sensitivity = statistics.proportion(int((raised & truth).sum()), int(truth.sum())).rounded()
    specificity = statistics.proportion(int((~raised & ~truth).sum()), int((~truth).sum())).rounded()
    cells = [
        name,
        f"{len(found)} ({int(truth.sum())} fresh)",
        *(
            f"{value:.3f} [{low:.3f}, {high:.3f}]"
            for value, low, high in (area, sensitivity, specificity, old)
        ),
        f"{len(found) - len(judged)}",
        f"{sum(one.missed for one in judged)} of {sum(len(one.fractures) + one.missed for one in judged)}",
    ]
    return f"| {' | '.join(cells)} |"


def main() -> None:
    """Judge the shipped bundles on the sets that the command line names."""
    configure_runtime(1)
    locator, classifier = (Served(load_pinned(name)) for name in ("mr-locator", "mr-vertebra"))
    threshold = classifier.bundle.operating_point(flag.OPERATING_POINT).threshold
    print(
        "| set | slices | AUC, slice | sensitivity | specificity | AUC, fresh against old fracture | declined | fractured bodies not located |"
    )  # the report
    print("|---|---|---|---|---|---|---|---|")  # the report
    for folder in map(Path, sys.argv[1:]):
        print(
            row(folder.name, list(slices(folder, locator, classifier)), threshold), flush=True
        )  # the report


if __name__ == "__main__":
    main()
