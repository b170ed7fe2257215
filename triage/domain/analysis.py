"""An analysis: one algorithm on one revision of a study. States, events and what the worker is handed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from triage.domain.errors import Conflict

SPINE_XR_TRIAGE = "spine-xr-triage"
SPINE_MR_TRIAGE = "spine-mr-triage"


class AnalysisState(StrEnum):
    """Postgres holds the truth of these; Redis only rings."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    SUPERSEDED = "superseded"


class AnalysisEvent(StrEnum):
    """What can happen to an analysis."""

    START = "start"
    SUCCEED = "succeed"
    FAIL = "fail"
    LOSE_LEASE = "lose-lease"
    SUPERSEDE = "supersede"
    REQUEUE = "requeue"


_S, _E = AnalysisState, AnalysisEvent
_ROWS: dict[AnalysisState, tuple[AnalysisState | None, ...]] = {
    #             START       SUCCEED       FAIL       LOSE_LEASE  SUPERSEDE      REQUEUE
    _S.QUEUED: (_S.RUNNING, None, _S.FAILED, None, _S.SUPERSEDED, _S.QUEUED),
    _S.RUNNING: (_S.RUNNING, _S.SUCCEEDED, _S.FAILED, _S.QUEUED, _S.SUPERSEDED, None),
    _S.SUCCEEDED: (None, None, None, None, _S.SUPERSEDED, _S.SUPERSEDED),
    _S.FAILED: (None, None, None, None, _S.SUPERSEDED, _S.SUPERSEDED),
    _S.SUPERSEDED: (None, None, None, None, _S.SUPERSEDED, None),
}
# RUNNING may START again: only when its lease has run out, under a new fence.
TRANSITIONS: dict[tuple[AnalysisState, AnalysisEvent], AnalysisState | None] = {
    (state, event): row[column] for state, row in _ROWS.items() for column, event in enumerate(AnalysisEvent)
}


def after(state: AnalysisState, event: AnalysisEvent) -> AnalysisState:
    """Return the state that follows, or raise Conflict when the event cannot happen there."""
    following = TRANSITIONS[(state, event)]
    if following is None:
        raise Conflict("analysis-state", f"an analysis that is {state} cannot {event}")
    return following


@dataclass(frozen=True, slots=True)
class InstanceForAnalysis:
    """One instance of the revision, as the worker needs it. `spool_name` is relative to the spool."""

    sop_instance_uid: str
    sop_class_uid: str
    transfer_syntax_uid: str
    series_instance_uid: str
    spool_name: str
    digest: str
    modality: str
    view_position: str
    body_part: str
    rows: int | None
    columns: int | None
    frames: int


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to run one analysis until it is renewed too late; every write carries the fence.

    `started_at` is when the first attempt began, so that a second attempt builds identical evidence.
    `instances` are the eligible ones; `predecessor_uid`, with its series, names the SR that this analysis's SR
    replaces.
    """

    analysis_id: int
    algorithm: str
    fence: int
    attempt: int
    started_at: datetime
    study_id: int
    study_instance_uid: str
    revision: int
    predecessor_uid: str | None
    predecessor_series_uid: str | None
    instances: tuple[InstanceForAnalysis, ...]
