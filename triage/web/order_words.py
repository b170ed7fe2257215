"""The words for the order: which policy is in force, who set it, and what a reason's code means.

The same lexicon as `words`.
"""

from __future__ import annotations

from datetime import datetime

from triage.domain.policy import OrderPolicy, PolicyName, PolicyVersion
from triage.store.audit import SYSTEM
from triage.web.words import clock

NAMES = {
    PolicyName.FIFO: "by arrival alone",
    PolicyName.HUMAN: "by requested class alone",
    PolicyName.FLAG: "studies to look at sooner first, then by requested class",
    PolicyName.SENIORITY: "by expected cost of delay and arrival",
}
GUARDED = "guarded-"
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
