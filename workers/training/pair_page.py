"""The committed page of the shipped network of pairs: figures by form and by difficulty, and what is refused as served.

All forms were trained on one dataset and one split by patient; every number comes from their predictions and from
pair_served.py, none is typed by hand.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from workers.evaluation import statistics
from workers.evaluation.compare import delong_paired
from workers.evaluation.statistics import Estimate
from workers.evaluation.table import Predictions, read_predictions
from workers.models.bundle import load_pinned
from workers.training.course.package import BUNDLES, PREDICTIONS
from workers.training.course.recipe import Recipe, read_recipe
from workers.training.course.run import RECIPE
from workers.training.pair_served import Fates, fates, strangers

PAGE, POSITIVE = "pair-pattern.md", "atypical"
_NAMES = ("AUC", "accuracy", "sensitivity", "specificity", "PPV", "NPV")
_ROUNDS, _STRANGERS = 1000, 40
_HEAD = """# What the shipped network of pairs does on phantoms (synthetic)

Written by `triage-models pair-page`; do not edit. **Synthetic phantom** children and adolescents, a frontal and a lateral film each, one in
three with an idiopathic curve, one with an atypical one, one without a curve to speak of; {test} test patients that neither training nor
calibration saw. 95 % intervals in brackets (AUC and accuracy by bootstrap, the others exact). The patterns were drawn from the literature's
descriptions and say nothing about real patients; `easy`, `standard` and `hard` say how many traits a curve borrows from the other pattern
(none, one in eight, one in four) and how mild it may be. Not for clinical use.
"""


@dataclass(frozen=True)
class Form:
    """A finished training of one form: its test cases, its threshold by the calibration patients."""

    recipe: Recipe
    test: Predictions
    threshold: float
    proven: bool

    @property
    def scores(self) -> NDArray[np.float64]:
        return self.test.probabilities[:, self.test.index_of(POSITIVE)]

    @property
    def truth(self) -> NDArray[np.bool_]:
        return np.asarray(self.test.labels == self.test.index_of(POSITIVE))


def form(folder: Path) -> Form:
    """Read what `train` left in a folder."""
    recipe = read_recipe(folder / RECIPE, "pair")
    table = read_predictions(folder / PREDICTIONS)
    check = table.take(table.splits == "calibrate")
    index = check.index_of(POSITIVE)
    own = check.probabilities[(check.labels == index) & check.answered, index]
    threshold = statistics.threshold_for(own, recipe.target_sensitivity)
    proven = threshold is not None
    if threshold is None:
        threshold = float(np.quantile(own, 1 - recipe.target_sensitivity))
    return Form(recipe, table.take(table.splits == "test"), threshold, proven)


def figures(one: Form, rows: NDArray[np.bool_]) -> dict[str, Estimate]:
    """The publication's six figures on the answered of some test cases; accuracy is of the three patterns."""
    rows = rows & one.test.answered
    scores, truth, patients = one.scores[rows], one.truth[rows], one.test.patients[rows]
    right = (one.test.probabilities[rows].argmax(axis=1) == one.test.labels[rows]).astype(float)
    flagged = scores >= one.threshold
    hits, missed = int((flagged & truth).sum()), int((~flagged & truth).sum())
    false, passed = int((flagged & ~truth).sum()), int((~flagged & ~truth).sum())
    values = (
        statistics.by_patient(lambda r: statistics.auc(scores[r], truth[r]), patients, rounds=_ROUNDS),
        statistics.by_patient(lambda r: float(right[r].mean()), patients, rounds=_ROUNDS),
        statistics.proportion(hits, hits + missed),
        statistics.proportion(passed, passed + false),
        statistics.proportion(hits, hits + false),
        statistics.proportion(passed, passed + missed),
    )
    return dict(zip(_NAMES, values, strict=True))


def write_page(runs: Sequence[Path], data: Path, report: Path, *, echo: Callable[[str], None]) -> None:
    """report/pair-pattern.md; the first run is the shipped form."""
    forms = [form(folder) for folder in runs]
    pair = load_pinned(forms[0].recipe.name, runs[0] / BUNDLES)
    served, refused = fates(data, pair), strangers(pair, _STRANGERS)
    lines = [
        *_HEAD.format(test=len(forms[0].test)).splitlines(), "",
        *_forms(forms), *_compared(forms), *_difficulties(forms[0]), *_as_served(served), *_strangers(refused),
    ]  # fmt: skip
    report.mkdir(parents=True, exist_ok=True)
    (report / PAGE).write_text("\n".join(lines), encoding="utf-8")
    echo(f"wrote {report / PAGE}")


def _cell(one: Estimate) -> str:
    return f"{one.value:.3f} [{one.low:.3f}, {one.high:.3f}]"


def _row(name: str, cases: int, found: Mapping[str, Estimate]) -> str:
    return f"| {name} | {cases} | {' | '.join(_cell(found[key]) for key in _NAMES)} |"


def _head(first: str) -> list[str]:
    return [f"| {first} | answered | {' | '.join(_NAMES)} |", "|---" * (len(_NAMES) + 2) + "|"]


def _forms(forms: Sequence[Form]) -> list[str]:
    rows = []
    for one in forms:
        answered = one.test.answered
        rows.append(
            _row(
                f"{one.recipe.backbone}, {one.recipe.epochs} epochs",
                int(answered.sum()),
                figures(one, answered),
            )
        )
    target = forms[0].recipe.target_sensitivity
    return [
        "## Forms, on the same patients (synthetic)", "", *_head("form"), *rows, "",
        f"Flag: probability of `{POSITIVE}` at the threshold that the calibration patients prove for a sensitivity of {target:g}; accuracy: of the three "
        "patterns. PPV and NPV are at this set's share of one in three; the card has the PPV by prevalence. The first is shipped as `pair-pattern`.", "",
    ]  # fmt: skip


def _difficulties(one: Form) -> list[str]:
    groups = one.test.groups["difficulty"]
    rows = []
    for name in ("easy", "standard", "hard"):
        chosen = np.asarray(groups == name) & one.test.answered
        rows.append(_row(name, int(chosen.sum()), figures(one, chosen)))
    return ["## The shipped form by difficulty (synthetic)", "", *_head("difficulty"), *rows, ""]


def _compared(forms: Sequence[Form]) -> list[str]:
    first, lines = forms[0], []
    for other in forms[1:]:
        places = {str(case): row for row, case in enumerate(other.test.cases)}
        order = np.array([places[str(case)] for case in first.test.cases], np.intp)
        both = first.test.answered & other.test.answered[order]
        found = delong_paired(first.scores[both], other.scores[order][both], first.truth[both])
        lines.append(
            f"- {first.recipe.backbone} less {other.recipe.backbone}, {int(both.sum())} cases that both answered: AUC {_cell(found.difference)}, "
            f"DeLong p {_p(found.p)}."
        )
    if len({one.recipe.epochs for one in forms}) > 1:
        lines += [
            "",
            "The forms were not trained equally long: part of a difference is the training's, not the form's.",
        ]
    return [*lines, ""] if lines else []


def _p(value: float) -> str:
    return "< .001" if value < 0.001 else f"{value:.3f}"


def _as_served(found: Fates) -> list[str]:
    total = sum(found.reasons.values())
    rows = [
        f"| {reason} | {number} | {number / total:.3f} |" for reason, number in found.reasons.most_common()
    ]
    return [
        "## As served: gate, pairing, abstention, answer (synthetic)", "",
        f"All {total} test pairs are in scope. Answered {len(found.answered)}; of these sensitivity {_cell(found.sensitivity())}, specificity "
        f"{_cell(found.specificity())}. The others are \"not analysed\" with the reason, which is no answer.", "",
        "| reason | pairs | share |", "|---|---|---|", *rows, "",
    ]  # fmt: skip


def _strangers(found: Mapping[str, Estimate]) -> list[str]:
    rows = [f"| {kind} | {_cell(share)} |" for kind, share in found.items()]
    return [
        "## Pairs it was not trained on: the network's own abstention alone (synthetic)", "",
        f"{_STRANGERS} pairs of each kind. It does not tell a brace, a tether or a grown-up: these are ruled out before it, by the gate and by the age in the "
        "header (`workers/interpret/pairing.py`).", "",
        "| pairs | refused |", "|---|---|", *rows, "",
    ]  # fmt: skip
