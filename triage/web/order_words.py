"""The words for the order: the policy in force, who set it, what a code means, the figures of a place.

The same lexicon as `words`.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from triage.domain import overtaking
from triage.domain.policy import ATYPICAL_CURVE, FRESH_FRACTURE, OrderPolicy, PolicyName, PolicyVersion
from triage.domain.priority import Basis, Numbers, RequestedPriority, Tier
from triage.domain.worklist import Place
from triage.store.audit import SYSTEM
from triage.web.clocks import clock_or_day

NAMES = {
    PolicyName.FIFO: "by arrival alone",
    PolicyName.HUMAN: "by requested class alone",
    PolicyName.FLAG: "studies to look at sooner first, then by requested class",
    PolicyName.SENIORITY: "by expected cost of delay and arrival",
}
FINDINGS = {FRESH_FRACTURE: "recent vertebral fracture", ATYPICAL_CURVE: "atypical curve pattern"}
GUARDED = "guarded-"
WITHHELD = "not shown: it tells the score"
BASES = {
    Basis.RESULT: "its result, its requested class and its arrival",
    Basis.CLASS: "its requested class and its arrival",
    Basis.ARRIVAL: "its arrival alone",
}
CLASSES = {
    RequestedPriority.STAT: "STAT",
    RequestedPriority.HIGH: "urgent",
    RequestedPriority.MEDIUM: "medium",
    RequestedPriority.ROUTINE: "routine",
    RequestedPriority.LOW: "low",
}
REASONS = {
    "pinned": "a person put it first",
    "ordered-stat": "ordered STAT",
    "stat-by-rule": "STAT by the rule for its sender",
    "flagged": "its answer asks to look sooner",
    "flagged-earlier": "an earlier answer asked to look sooner",
    "flag-withdrawn": "a newer answer took an earlier flag back",
    "no-flag": "its answer raised no flag",
    ATYPICAL_CURVE: "its curve pattern counts by this site's rule",
    "abstained": "the model gave no answer",
    "not-analysed": "not analysed",
    "running": "analysis running",
    "waiting": "waiting for analysis",
    "lowered": "moved down by a person",
    "new-images": "new images after reading",
}


def name(policy: OrderPolicy) -> str:
    """Return how the policy orders, in words."""
    return NAMES[PolicyName(policy.name)]


def stopping(policy: OrderPolicy) -> str:
    """Return what ordering by requested class alone would end."""
    by_results = overtaking.counts(policy)
    return "Stop ordering by results." if by_results else "Stop ordering by arrival alone."


def since(version: PolicyVersion, now: datetime) -> str:
    """Return since when the policy is in force: the clock, with the day unless it is today's."""
    return clock_or_day(version.at, now) if version.at else "the start"


def setter(version: PolicyVersion) -> str:
    """Return who set the policy, and why: Dr B: reason."""
    if version.id is None:
        return "the site's settings"
    who = "the system" if version.actor == SYSTEM else version.actor
    return f"{who}: {version.reason}"


def reason(code: str) -> str:
    """Return what a reason's code means; one this version does not know stands for itself."""
    plain = code.removeprefix(GUARDED)
    said = REASONS.get(plain, plain)
    return f"overtaken often, next by arrival; {said}" if code != plain else said


def requested(priority: RequestedPriority) -> str:
    """Return the requested class in words; what an order does not say counts as routine."""
    return f"requested class {CLASSES[priority]}"


def figures(place: Place, now: datetime, *, assist: bool) -> Iterator[tuple[str, str]]:
    """Yield the figures behind a place as (name, figure); a model's own score only where the site shows scores."""
    found, policy = place.numbers, place.policy.policy
    yield "Rests on", _basis(place)
    if assist and found.probability is not None:
        for kind, p in found.probability.items():
            yield "Score p", f"{p:.3f}, {FINDINGS.get(kind, kind)}"
    if policy.name == PolicyName.SENIORITY:
        yield from _of_seniority(found, shown=assist or found.probability is None)
    else:
        yield "Ordered", f"{name(policy)}; cost of delay and head start do not count"
    clock_name = "staffed" if found.staffed_clock else "wall"
    yield "Arrival", f"minute {found.arrival_minutes:.1f} of the {clock_name} clock"
    yield "Overtaken", _overtaken(place)
    yield "Waited", _waited(place)
    alone = f"{place.position_without_result} by requested class and arrival alone"
    yield "Position", f"{place.position} now, {alone}"
    yield "Policy", f"{name(policy)}, since {since(place.policy, now)}, set by {setter(place.policy)}"


def _basis(place: Place) -> str:
    row = place.row
    if row.tier is Tier.PINNED:
        return "a person's pin"
    if row.tier is Tier.STAT:
        return "STAT, which goes before all that nobody pinned"
    if row.held and row.key != place.numbers.key:
        return "where it stood when it was taken; it moves when it is let go of"
    if row.guarded:
        return "its arrival: it was overtaken as often as may be"
    return BASES[place.numbers.basis]


def _of_seniority(found: Numbers, *, shown: bool) -> Iterator[tuple[str, str]]:
    # Cost, head start and key are the score in other units.
    own = f"{found.cost:.4f}" if shown else WITHHELD
    yield "Cost of delay", f"{own} (its class alone: {found.cost_of_class:.4f})"
    yield "Head start", f"{found.head_start_minutes:.0f} min" if shown else WITHHELD
    key = f"{found.key:.1f}" if shown else WITHHELD
    yield "Key", f"{key} (its class alone: {found.key_of_class:.1f})"


def _overtaken(place: Place) -> str:
    limit = place.overtaking_limit
    if place.row.tier is not Tier.REST:
        return "not counted: it goes first"
    if limit is None:
        return "not counted under this policy"
    times = f"{place.overtaken} {'time' if place.overtaken == 1 else 'times'}"
    return (
        f"{times} by younger studies of its class or a less pressing one; from {limit} on it goes by arrival"
    )


def _waited(place: Place) -> str:
    wall = f"{place.waited_minutes:.0f} min"
    if not place.numbers.staffed_clock:
        return f"{wall} (no rota is set, so all of them count)"
    return f"{wall}, {place.staffed_wait_minutes:.0f} of them staffed"
