"""What `triage worklist why` shows: the reason, the position, and every number the position is made of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from triage.domain import angle
from triage.domain.finding import TriageOutcome

if TYPE_CHECKING:
    from triage.domain.finding import Outcome
    from triage.domain.policy import PolicyVersion
    from triage.domain.worklist import Place


def shown(place: Place) -> dict[str, Any]:
    """Return the place as fields; minutes on the clock that the policy counts by."""
    behind = place.numbers
    return {
        "sentence": place.row.reason,
        "position": place.position,
        "waiting": place.waiting,
        "position_without_result": place.position_without_result,
        "guarded": place.row.guarded,
        "overtaken": place.overtaken,
        "overtaking_limit": place.overtaking_limit,
        "rests_on": str(behind.basis),
        "probability": _rounded(behind.probability),
        "prior": _rounded(behind.prior),
        "harm_of_waiting": behind.harm,
        "cost_of_delay": round(behind.cost, 6),
        "cost_of_delay_without_result": round(behind.cost_of_class, 6),
        "head_start_minutes": round(behind.head_start_minutes, 2),
        "arrival_minutes": round(behind.arrival_minutes, 2),
        "clock": "staffed" if behind.staffed_clock else "wall",
        "key_minutes": round(behind.key, 2),
        "key_without_result": round(behind.key_of_class, 2),
        "waited_minutes": round(place.waited_minutes, 1),
        "staffed_wait_minutes": round(place.staffed_wait_minutes, 1),
        **policy_fields(place.policy),
    }


def found(outcome: Outcome | None) -> dict[str, Any]:
    """Return what the newest answer says beside the flag, as sentences; scores stay on the page."""
    if outcome is None:
        return {}
    told = {name.lower().replace(" ", "_"): words for name, words in angle.told(outcome.measures).items()}
    if outcome.pattern is None:
        return told
    said = outcome.pattern.answer.sentence
    missing = outcome.pattern.answer.outcome is TriageOutcome.ABSTAINED
    return {"curve_pattern": f"Not analysed: {said}" if missing else said, **told}


def policy_fields(version: PolicyVersion) -> dict[str, Any]:
    """Return which policy it is, and who set it."""
    return {
        "policy": version.policy.describe(),
        "policy_id": version.id,
        "policy_set_by": version.actor or "the settings",
        "policy_set_at": version.at,
        "policy_reason": version.reason,
    }


def _rounded(probabilities: Any) -> str | None:
    if probabilities is None:
        return None
    return ", ".join(f"{kind} {probability:.4g}" for kind, probability in probabilities.items())
