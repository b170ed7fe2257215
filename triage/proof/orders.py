"""Every order the simulator and the replay know, as keys: the smallest key is read first, then the older study.

Promises: `fifo`, `human`, `flag` and `seniority` are the product's own keys, for arrays (a test compares each with
`triage.domain.priority`); all orders see the class alone until a result comes. `oracle` sees the truth, which no
order can: it is the measure of what an order could reach. Accumulating priority has no static key: its index is
computed at each opening.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, get_args

import numpy as np

from triage.domain.errors import Refused
from triage.domain.priority import CLASS_STEP, OrderPolicy
from triage.domain.requested import RANK
from triage.proof.caseload import Caseload, Floats
from triage.proof.rota import Clock

Name = Literal[
    "fifo",
    "human",
    "flag",
    "flag-within-class",
    "probability",
    "c-rank",
    "apq",
    "edf",
    "seniority",
    "oracle",
]
NAMES: tuple[Name, ...] = get_args(Name)
_DUE_FLAGGED = {"STAT": 10.0, "HIGH": 10.0, "MEDIUM": 30.0, "ROUTINE": 30.0, "LOW": 30.0}
_DUE_UNFLAGGED = {"STAT": 10.0, "HIGH": 60.0, "MEDIUM": 240.0, "ROUTINE": 480.0, "LOW": 480.0}


@dataclass(frozen=True, slots=True)
class Terms:
    """What the orders need of a policy: B in minutes, h and the prior of each requested class."""

    seniority_minutes: float
    harm: Mapping[str, float]
    prior: Mapping[str, float]

    @classmethod
    def of(cls, policy: OrderPolicy) -> Terms:
        """Return the terms of the product's policy: the one place where the proof reads it."""
        return cls(policy.seniority_minutes, policy.harm, policy.prior)

    def with_harm(self, priority: str, harm: float) -> Terms:
        """Return the terms with another h for one class."""
        return replace(self, harm={**self.harm, priority: harm})


def usual() -> Terms:
    """Return the product's default terms."""
    return Terms.of(OrderPolicy())


@dataclass(frozen=True, slots=True)
class Order:
    """An order and its figures. `guard`: class -> how many younger studies may pass one (K).

    `only_raise`: a result never lowers (the product's promise); False is the bare index of the papers.
    `unheard`: class -> the probability a study stands by until its analysis ends, when that is less than the
    class's prior; an analysis that ends without a result then raises the study to the prior.
    `head_start`: minutes added to every wait in the accumulating index.
    """

    name: Name
    terms: Terms = field(default_factory=usual)
    guard: dict[str, int] = field(default_factory=dict)
    only_raise: bool = True
    unheard: Mapping[str, float] = field(default_factory=dict)
    head_start: float = 0.0


@dataclass(frozen=True, slots=True)
class Keys:
    """Keys before and after the result. Accumulating: `before` and `after` are slopes, the largest index first."""

    before: Floats
    after: Floats
    accumulating: bool = False


def named(name: str) -> Name:
    """Return the order of that name."""
    for known in NAMES:
        if known == name:
            return known
    raise Refused("policy", f"there is no order {name!r}; known: {', '.join(NAMES)}")


def keys(order: Order, load: Caseload, clock: Clock) -> Keys:
    """Return the keys of every study under the order."""
    before, after = _rest(order, load, clock)
    # Before all others, whatever the order: the product's STAT tier, QuCAD's interrupting class.
    ahead = np.array([one.first for one in load.streams])[load.stream] * (-1e4 * CLASS_STEP)
    if order.name == "apq":
        return Keys(before, after, accumulating=True)
    return Keys(before + ahead, after + ahead)


def _rest(order: Order, load: Caseload, clock: Clock) -> tuple[Floats, Floats]:
    arrived, flagged = load.arrived, load.flagged
    rank = _by_class(load, {word: float(place) for word, place in RANK.items()})
    match order.name:
        case "fifo":
            return arrived, arrived
        case "human":
            return rank * CLASS_STEP + arrived, rank * CLASS_STEP + arrived
        case "flag":
            return rank * CLASS_STEP + arrived, np.where(flagged, -CLASS_STEP, rank * CLASS_STEP) + arrived
        case "flag-within-class":
            unflagged = (2 * rank + 1) * CLASS_STEP + arrived
            return unflagged, unflagged - np.where(flagged, CLASS_STEP, 0.0)
        case "edf":
            due = np.where(flagged, _by_class(load, _DUE_FLAGGED), _by_class(load, _DUE_UNFLAGGED))
            return arrived + _by_class(load, _DUE_UNFLAGGED), arrived + due
        case "probability":
            prior = _by_class(load, order.terms.prior)
            return -prior, -np.where(load.failed, prior, load.probability)
        case "oracle":
            cost = _cost(load, order.terms, load.diseased.astype(float))
            return -cost, -cost
    known_class = _cost(load, order.terms, _by_class(load, order.terms.prior))
    unheard = {**order.terms.prior, **order.unheard}
    without = _cost(load, order.terms, _by_class(load, unheard))
    cost = np.where(load.failed, known_class, _cost(load, order.terms, load.probability))
    if order.name == "apq":
        return without, cost
    if order.name == "c-rank":
        return -without, -cost
    aged = clock.staffed(arrived)
    before = aged - order.terms.seniority_minutes * without
    after = aged - order.terms.seniority_minutes * cost
    return before, np.minimum(before, after) if order.only_raise else after


def _by_class(load: Caseload, figures: Mapping[str, float]) -> Floats:
    return np.array([float(figures[one.priority]) for one in load.streams])[load.stream]


def _cost(load: Caseload, terms: Terms, probability: Floats) -> Floats:
    """Return c of each study (triage.domain.priority.cost_of_delay, for arrays)."""
    harm = _by_class(load, terms.harm)
    return probability + (1.0 - probability) * harm
