"""The words for the order: the policy in force, who set it, what a code means, the figures of a place.

The same lexicon as `words`.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from triage.domain.policy import FRESH_FRACTURE, OrderPolicy, PolicyName, PolicyVersion
from triage.domain.worklist import Place
from triage.store.audit import SYSTEM
from triage.web.words import clock

NAMES = {
    PolicyName.FIFO: "by arrival alone",
    PolicyName.HUMAN: "by requested class alone",
    PolicyName.FLAG: "studies to look at sooner first, then by requested class",
    PolicyName.SENIORITY: "by expected cost of delay and arrival",
}
FINDINGS = {FRESH_FRACTURE: "recent vertebral fracture"}
GUARDED = "guarded-"
WITHHELD = "by its result"
REASONS = {
    "pinned": "a person put it first",
    "ordered-stat": "ordered STAT",
    "stat-by-rule": "STAT by the rule for its sender",
    "flagged": "its answer asks to look sooner",
    "flagged-earlier": "an earlier answer asked to look sooner",
    "flag-withdrawn": "a newer answer took an earlier flag back",
    "no-flag": "its answer raised no flag",
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


def since(version: PolicyVersion, now: datetime) -> str:
    """Return since when the policy is in force: the clock, with the day unless it is today's."""
    if version.at is None:
        return "the start"
    local = version.at.astimezone()
    return clock(local) if local.date() == now.astimezone().date() else f"{local:%Y-%m-%d %H:%M}"


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


def figures(place: Place, now: datetime, *, assist: bool) -> Iterator[tuple[str, str]]:
    """Yield the figures behind a place as (name, figure); a model's own score only where the site shows scores."""
    found, policy = place.numbers, place.policy.policy
    yield "Rests on", "the usual of its class" if found.probability is None else "its result"
    if assist and found.probability is not None:
        for kind, p in found.probability.items():
            yield "Score p", f"{p:.3f}, {FINDINGS.get(kind, kind)}"
    # Cost, head start and key are the score in other units.
    open_ = assist or found.probability is None
    own = f"{found.cost:.4f}" if open_ else WITHHELD
    yield "Cost of delay", f"{own} (its class alone: {found.cost_of_class:.4f})"
    head_start = f"{found.head_start_minutes:.0f} min" if open_ else WITHHELD
    seniority = policy.name == PolicyName.SENIORITY
    yield "Head start", head_start if seniority else "none under this policy"
    clock_name = "staffed" if found.staffed_clock else "wall"
    yield "Arrival", f"minute {found.arrival_minutes:.1f} of the {clock_name} clock"
    key = f"{found.key:.1f}" if open_ else WITHHELD
    yield "Key", f"{key} (its class alone: {found.key_of_class:.1f})"
    limit = place.overtaking_limit
    yield (
        "Overtaken",
        "not counted under this policy" if limit is None else f"{place.overtaken} of at most {limit} times",
    )
    yield "Waited", _waited(place)
    yield "Position", f"{place.position} now, {place.position_without_result} by order and arrival alone"
    yield "Policy", f"{name(policy)}, since {since(place.policy, now)}, set by {setter(place.policy)}"


def _waited(place: Place) -> str:
    wall = f"{place.waited_minutes:.0f} min"
    if not place.numbers.staffed_clock:
        return f"{wall} (no rota is set, so all of them count)"
    return f"{wall}, {place.staffed_wait_minutes:.0f} of them staffed"
