"""Where a study stands in the reading list, and why. Pure functions of values.

Order: tier (pinned by a person, STAT by order, the rest), then a static key in minutes, then arrival, then
the study's UID: total and stable, and it can be indexed because no term depends on "now". Which key is
the policy's choice; the usual one is

    key = A(arrival) - B * c,   c = sum_k p_k * h_k + prod_k(1 - p_k) * h     (c-mu; Argon & Ziya 2009)

p_k is the calibrated probability of finding k, or the class's prior while there is no answer, h_k the harm
of its waiting, h the harm of waiting of the requested priority. A result only raises: c is never less than
the class alone gives, so a study that was analysed and not flagged never stands behind where it would
stand unanalysed. What a result raised, a newer result may take back, unless a person had touched the study.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum, StrEnum
from math import prod

from triage.domain.counted import Counted, still_counts
from triage.domain.finding import TriageOutcome
from triage.domain.policy import ATYPICAL_CURVE, OrderPolicy, PolicyName
from triage.domain.requested import RANK, RequestedPriority, more_pressing, requested_priority

__all__ = [
    "CLASS_STEP",
    "AiStatus",
    "Basis",
    "Counted",
    "Lowered",
    "Numbers",
    "OrderPolicy",
    "Pin",
    "Position",
    "RequestedPriority",
    "Standing",
    "Tier",
    "class_key",
    "cost_of_delay",
    "guarded_reason",
    "more_pressing",
    "numbers",
    "position",
    "requested_priority",
    "still_counts",
]

# Minutes between two classes of the strict orders: longer than any wait, and exact in a double to 30 us.
CLASS_STEP = 1e8
LOOK_SOONER = "Look sooner: possible recent vertebral fracture"
NO_FLAG = "No triage flag"
BY_RULE = "Earlier by this site's rule: possible atypical curve pattern"
NOT_ANALYSED = "Not analysed: "
NEW_IMAGES = "New images after reading"
OVERTAKEN = "Overtaken often, next by arrival"
WITHDRAWN = "No triage flag: an earlier analysis flagged this, the newer one does not"
EARLIER = f"{LOOK_SOONER} (an earlier analysis)"
STILL_FLAGGED = f"{LOOK_SOONER} (an earlier analysis; the newer one does not flag it)"


class Tier(IntEnum):
    """The first term of the order."""

    PINNED = 0
    STAT = 1
    REST = 2


class AiStatus(StrEnum):
    """How far the analysis is: separate from what it says."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    NOT_ANALYSED = "not-analysed"


@dataclass(frozen=True, slots=True)
class Pin:
    """A person put this study first."""

    reader: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Lowered:
    """A person took back what a result had raised; the study keeps the place its class and arrival give it."""

    reader: str
    why: str


@dataclass(frozen=True, slots=True)
class Standing:
    """All that a position depends on."""

    requested: RequestedPriority
    arrived_at: datetime
    ai_status: AiStatus = AiStatus.WAITING
    ai_sentence: str = ""
    outcome: TriageOutcome | None = None
    counted: Counted | None = None
    pin: Pin | None = None
    lowered: Lowered | None = None
    stat_rule: str = ""
    read_before: bool = False
    flagged_before: bool = False

    @property
    def raised_by(self) -> Counted | None:
        """Return the answer that counts for the place: none once a person moved the study down."""
        return None if self.lowered is not None else self.counted


@dataclass(frozen=True, slots=True)
class Position:
    """A place in the order with its machine reason and its sentence."""

    tier: Tier
    key: float
    reason_code: str
    sentence: str


def cost_of_delay(findings: Mapping[str, float], requested: RequestedPriority, policy: OrderPolicy) -> float:
    """Return c in [0, 1]: the expected harm of one more minute of waiting (see the module)."""
    harm = policy.harm.get(requested, 0.0)
    known = [(min(1.0, max(0.0, findings.get(row.kind, 0.0))), row.harm) for row in policy.findings]
    # A finding is never worth less than the class alone: more of it must not lower the study.
    found = sum(p * max(weight, harm) for p, weight in known)
    return min(1.0, found + prod(1.0 - p for p, _ in known) * harm)


def prior(requested: RequestedPriority, policy: OrderPolicy) -> dict[str, float]:
    """Return how probable each finding is in the class, before any answer."""
    return {row.kind: row.prior.get(requested, 0.0) for row in policy.findings}


def class_key(arrived_at: datetime, requested: RequestedPriority, policy: OrderPolicy) -> float:
    """Return the key without any answer: the class's prior, which is what an unanalysed study keeps."""
    return _key(Standing(requested, arrived_at), policy)


def position(standing: Standing, policy: OrderPolicy) -> Position:
    """Return tier, key, reason code and sentence."""
    key = _key(standing, policy)
    code, sentence = _reason(standing, policy)
    return Position(_tier(standing), key, code, sentence)


def guarded_reason(code: str, sentence: str) -> tuple[str, str]:
    """Return reason code and sentence of a study that the guard on overtaking put first."""
    return f"guarded-{code}", f"{OVERTAKEN}. {sentence}"


def _tier(standing: Standing) -> Tier:
    if standing.pin is not None:
        return Tier.PINNED
    return Tier.STAT if standing.requested is RequestedPriority.STAT else Tier.REST


def _key(standing: Standing, policy: OrderPolicy) -> float:
    arrived = policy.rota.minutes(standing.arrived_at)
    if policy.name == PolicyName.FIFO:
        return arrived
    if policy.name == PolicyName.SENIORITY:
        return arrived - policy.seniority_minutes * _cost(standing, policy)
    if policy.name == PolicyName.FLAG and standing.raised_by is not None and standing.raised_by.flagged:
        return arrived - CLASS_STEP
    return arrived + RANK[standing.requested] * CLASS_STEP


def _cost(standing: Standing, policy: OrderPolicy) -> float:
    alone = cost_of_delay(prior(standing.requested, policy), standing.requested, policy)
    if standing.raised_by is None:
        return alone
    return max(alone, cost_of_delay(standing.raised_by.findings, standing.requested, policy))


class Basis(StrEnum):
    """What a key rests on beside the arrival: a result only where it puts the study before its class's place."""

    RESULT = "result"
    CLASS = "class"
    ARRIVAL = "arrival"


@dataclass(frozen=True, slots=True)
class Numbers:
    """The figures behind a key. `probability` None = there is no answer that could count; B is in minutes."""

    basis: Basis
    probability: Mapping[str, float] | None
    prior: Mapping[str, float]
    harm: float
    cost: float
    cost_of_class: float
    head_start_minutes: float
    arrival_minutes: float
    staffed_clock: bool
    key: float
    key_of_class: float


def numbers(standing: Standing, policy: OrderPolicy) -> Numbers:
    """Return the figures behind a study's key; the head start counts under `seniority` alone."""
    alone = Standing(standing.requested, standing.arrived_at)
    cost = _cost(standing, policy)
    leads = policy.name == PolicyName.SENIORITY
    key, key_of_class = _key(standing, policy), _key(alone, policy)
    without = Basis.ARRIVAL if policy.name == PolicyName.FIFO else Basis.CLASS
    return Numbers(
        basis=Basis.RESULT if key < key_of_class else without,
        probability=dict(standing.raised_by.findings) if standing.raised_by else None,
        prior=prior(standing.requested, policy),
        harm=policy.harm.get(standing.requested, 0.0),
        cost=cost,
        cost_of_class=_cost(alone, policy),
        head_start_minutes=policy.seniority_minutes * cost if leads else 0.0,
        arrival_minutes=policy.rota.minutes(standing.arrived_at),
        staffed_clock=policy.rota.staffed,
        key=key,
        key_of_class=key_of_class,
    )


def _reason(standing: Standing, policy: OrderPolicy) -> tuple[str, str]:
    if standing.pin is not None:
        note = f": {standing.pin.note}" if standing.pin.note else ""
        return "pinned", f"Pinned by {standing.pin.reader}{note}"
    code, sentence = _answer(standing)
    if _raised_by_rule(standing, policy) and code not in ("flagged", "flagged-earlier"):
        code, sentence = ATYPICAL_CURVE, f"{BY_RULE}. {sentence}"
    if standing.lowered is not None:
        code, sentence = "lowered", f"Moved down by {standing.lowered.reader}: {standing.lowered.why}"
    if standing.read_before:
        return "new-images", f"{NEW_IMAGES}. {sentence}" if code != "waiting" else NEW_IMAGES
    if standing.requested is RequestedPriority.STAT:
        rule = f" (rule for sender {standing.stat_rule})" if standing.stat_rule else ""
        tail = f". {sentence}" if code in ("flagged", "flagged-earlier") else ""
        return "stat-by-rule" if rule else "ordered-stat", f"Ordered STAT{rule}{tail}"
    if standing.requested is RequestedPriority.HIGH and code != "flagged":
        return code, f"Ordered urgent. {sentence}"
    return code, sentence


def _raised_by_rule(standing: Standing, policy: OrderPolicy) -> bool:
    """Tell whether the pattern raises here: a site's rule, an answer above its threshold, and more than the class alone."""
    counted = standing.raised_by
    return (
        counted is not None
        and counted.findings.get(ATYPICAL_CURVE, 0.0) > 0
        and policy.counts(ATYPICAL_CURVE)
        and cost_of_delay(counted.findings, standing.requested, policy)
        > cost_of_delay(prior(standing.requested, policy), standing.requested, policy)
    )


def _answer(standing: Standing) -> tuple[str, str]:
    if standing.outcome is TriageOutcome.FLAGGED:
        return "flagged", LOOK_SOONER
    if standing.counted is not None and standing.counted.flagged:
        newer = standing.outcome is TriageOutcome.NOT_FLAGGED
        return "flagged-earlier", STILL_FLAGGED if newer else EARLIER
    if standing.flagged_before and standing.outcome is TriageOutcome.NOT_FLAGGED:
        return "flag-withdrawn", WITHDRAWN
    if standing.outcome is TriageOutcome.NOT_FLAGGED:
        return "no-flag", NO_FLAG
    if standing.outcome is TriageOutcome.ABSTAINED or standing.ai_status is AiStatus.NOT_ANALYSED:
        code = "abstained" if standing.outcome else "not-analysed"
        return code, NOT_ANALYSED + (standing.ai_sentence or "no reason was given")
    if standing.ai_status is AiStatus.RUNNING:
        return "running", "Analysis running"
    return "waiting", "Waiting for analysis"
