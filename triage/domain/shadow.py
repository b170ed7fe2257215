"""One study answered twice: by the models that are live and by a candidate in their shadow."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from triage.domain.outcome import OutcomeLabel


@dataclass(frozen=True, slots=True)
class ShadowPair:
    """`live` and `shadow` are FLAGGED, NOT_FLAGGED, ABSTAINED, or empty where there is no answer (`trouble` says why)."""

    candidate: str
    at: datetime
    live: str
    live_score: float | None
    shadow: str
    shadow_score: float | None
    label: OutcomeLabel | None
    trouble: str
