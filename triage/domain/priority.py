"""Where a study stands in the reading list, and why. Pure functions of values.

Order: tier (pinned by a person, STAT by order, the rest), then a static seniority key in minutes, then
arrival, then the study's UID: total and stable, and it can be indexed because no term depends on "now".

    key = A(arrival) - B * c,   c = p + (1 - p) * h        (expected cost of delay, Argon & Ziya 2009)

p is the calibrated probability of an answer, or the class's prior while there is no answer, h the harm
of waiting of the requested priority. A result only raises: the key is the smallest of what the class
alone gives, what the result gives and what the row already had, so a study that was analysed and not
flagged never stands behind where it would stand unanalysed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import IntEnum, StrEnum

from triage.domain.finding import TriageOutcome

_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
LOOK_SOONER = "Look sooner: possible recent vertebral fracture"
NO_FLAG = "No triage flag"
NOT_ANALYSED = "Not analysed: "
NEW_IMAGES = "New images after reading"


class RequestedPriority(StrEnum):
    """Defined terms of Requested Procedure Priority (0040,1003), the most pressing first."""

    STAT = "STAT"
    HIGH = "HIGH"
    MEDIUM = "MEDIUM"
    ROUTINE = "ROUTINE"
    LOW = "LOW"


# What orders really hold beside the defined terms: HL7 table 0485 (ORC-7, OBR-27) and plain words.
_SPOKEN = {"S": "STAT", "A": "HIGH", "ASAP": "HIGH", "URGENT": "HIGH", "EMERGENCY": "HIGH", "R": "ROUTINE"}
_RANK = {priority: rank for rank, priority in enumerate(RequestedPriority)}


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
class OrderPolicy:
    """The site's figures. `seniority_minutes` is B: how many minutes of waiting one unit of harm is worth."""

    name: str = "seniority"
    seniority_minutes: float = 2880.0
    harm: Mapping[str, float] = field(
        default_factory=lambda: {"STAT": 0.2, "HIGH": 0.2, "MEDIUM": 0.05, "ROUTINE": 0.01, "LOW": 0.01}
    )
    prior: Mapping[str, float] = field(
        default_factory=lambda: {"STAT": 0.10, "HIGH": 0.10, "MEDIUM": 0.05, "ROUTINE": 0.03, "LOW": 0.03}
    )
    stat_calling_aes: tuple[str, ...] = ()

    def describe(self) -> str:
        """Return name and B, kept with each key that this policy made."""
        return f"{self.name} B={self.seniority_minutes:g}"


@dataclass(frozen=True, slots=True)
class Pin:
    """A person put this study first."""

    reader: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Lowered:
    """A person took back what a result had raised; the study keeps the place its order and arrival give it."""

    reader: str
    why: str


@dataclass(frozen=True, slots=True)
class Standing:
    """All that a position depends on. `key_so_far` is the row's present key: no machine lowers it."""

    requested: RequestedPriority
    arrived_at: datetime
    ai_status: AiStatus = AiStatus.WAITING
    ai_sentence: str = ""
    outcome: TriageOutcome | None = None
    probability: float | None = None
    pin: Pin | None = None
    lowered: Lowered | None = None
    stat_rule: str = ""
    read_before: bool = False
    flagged_before: bool = False
    key_so_far: float | None = None


@dataclass(frozen=True, slots=True)
class Position:
    """A place in the order with its machine reason and its sentence."""

    tier: Tier
    key: float
    reason_code: str
    sentence: str


def requested_priority(spoken: str) -> RequestedPriority:
    """Return the defined term for what an order says; unknown words are ROUTINE, never more pressing."""
    word = spoken.strip().upper()
    try:
        return RequestedPriority(_SPOKEN.get(word, word))
    except ValueError:
        return RequestedPriority.ROUTINE


def more_pressing(one: RequestedPriority, other: RequestedPriority) -> RequestedPriority:
    """Return the more pressing of two: a later image may raise what was requested, never lower it."""
    return min(one, other, key=_RANK.__getitem__)


def minutes(moment: datetime) -> float:
    """Return A(moment): wall-clock minutes since a fixed day (a staffed clock may replace it)."""
    return (moment - _EPOCH).total_seconds() / 60.0


def cost_of_delay(probability: float, requested: RequestedPriority, policy: OrderPolicy) -> float:
    """Return c in [0, 1]: the expected harm of one more minute of waiting."""
    bounded = min(1.0, max(0.0, probability))
    return bounded + (1.0 - bounded) * policy.harm.get(requested, 0.0)


def class_key(arrived_at: datetime, requested: RequestedPriority, policy: OrderPolicy) -> float:
    """Return the key without any answer: the class's prior, which is what an unanalysed study keeps."""
    cost = cost_of_delay(policy.prior.get(requested, 0.0), requested, policy)
    return minutes(arrived_at) - policy.seniority_minutes * cost


def position(standing: Standing, policy: OrderPolicy) -> Position:
    """Return tier, key, reason code and sentence."""
    key = _key(standing, policy)
    code, sentence = _reason(standing)
    return Position(_tier(standing), key, code, sentence)


def _tier(standing: Standing) -> Tier:
    if standing.pin is not None:
        return Tier.PINNED
    return Tier.STAT if standing.requested is RequestedPriority.STAT else Tier.REST


def _key(standing: Standing, policy: OrderPolicy) -> float:
    keys = [class_key(standing.arrived_at, standing.requested, policy)]
    if standing.lowered is not None:
        return keys[0]
    if standing.probability is not None and standing.outcome in (
        TriageOutcome.FLAGGED,
        TriageOutcome.NOT_FLAGGED,
    ):
        cost = cost_of_delay(standing.probability, standing.requested, policy)
        keys.append(minutes(standing.arrived_at) - policy.seniority_minutes * cost)
    if standing.key_so_far is not None:
        keys.append(standing.key_so_far)
    return min(keys)


def _reason(standing: Standing) -> tuple[str, str]:
    if standing.pin is not None:
        note = f": {standing.pin.note}" if standing.pin.note else ""
        return "pinned", f"Pinned by {standing.pin.reader}{note}"
    code, sentence = _answer(standing)
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


def _answer(standing: Standing) -> tuple[str, str]:
    if standing.outcome is TriageOutcome.FLAGGED:
        return "flagged", LOOK_SOONER
    if standing.flagged_before:
        return "flagged-earlier", f"{LOOK_SOONER} (an earlier analysis)"
    if standing.outcome is TriageOutcome.NOT_FLAGGED:
        return "no-flag", NO_FLAG
    if standing.outcome is TriageOutcome.ABSTAINED or standing.ai_status is AiStatus.NOT_ANALYSED:
        code = "abstained" if standing.outcome else "not-analysed"
        return code, NOT_ANALYSED + (standing.ai_sentence or "no reason was given")
    if standing.ai_status is AiStatus.RUNNING:
        return "running", "Analysis running"
    return "waiting", "Waiting for analysis"
