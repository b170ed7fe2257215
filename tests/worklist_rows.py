"""Rows of the reading worklist as plain values, for tests of what is said about them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from triage.domain.priority import AiStatus, RequestedPriority, Tier
from triage.domain.worklist import WorklistRow, WorklistState

NOW = datetime(2026, 11, 21, 10, 42, tzinfo=UTC)


ORDINARY: dict[str, Any] = {
    "study_id": 7,
    "study_instance_uid": "2.25.7",
    "state": WorklistState.SCHEDULED,
    "version": 1,
    "tier": Tier.REST,
    "key": 0.0,
    "reason_code": "waiting",
    "reason": "Waiting for analysis",
    "ai_status": AiStatus.WAITING,
    "ai_reason": "",
    "ai_sentence": "",
    "outcome": "",
    "probability": None,
    "threshold": None,
    "requested_priority": RequestedPriority.ROUTINE,
    "policy": "seniority B=2880",
    "arrived_at": NOW,
    "waits_since": NOW,
    "changed_at": NOW,
    "held": False,
    "pinned_by": "",
    "pin_reason": "",
    "pinned_at": None,
    "claimed_by": "",
    "claimed_at": None,
    "claimed_until": None,
    "completed_by": "",
    "completed_at": None,
    "patient_name": "SATO^HANA",
    "patient_id": "1",
    "patient_sex": "F",
    "patient_birth_date": "19500102",
    "accession_number": "A1",
    "study_date": "20261121",
    "study_time": "101500",
    "study_description": "L-spine",
    "study_state": "closed",
    "conflict": False,
    "calling_ae": "CR",
    "modalities": ("CR",),
    "images": 2,
    "results_pending": 0,
    "results_sent": 0,
    "results_refused": 0,
}


def row(**changes: Any) -> WorklistRow:
    """Return an ordinary row with these changes."""
    values = {**ORDINARY, **changes}
    values["tier"] = Tier(values["tier"])
    values["ai_status"] = AiStatus(values["ai_status"])
    return WorklistRow(**values)
