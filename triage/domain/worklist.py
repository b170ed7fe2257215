"""The reading worklist: the Procedure Step State of each study and what may be done to it.

States are the standard's (PS3.3 C.30.1). A claim is a lease: it ends by itself, so a reader who walked
away blocks nobody. Every refusal says who and when. Values out, no clock and no database here.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from triage.domain.errors import Conflict
from triage.domain.finding import Outcome
from triage.domain.marks import Note
from triage.domain.policy import PolicyVersion
from triage.domain.priority import AiStatus, Numbers, RequestedPriority, Tier

CLAIM_MINUTES = 20.0


class WorklistState(StrEnum):
    """Procedure Step State, PS3.3 C.30.1."""

    SCHEDULED = "SCHEDULED"
    IN_PROGRESS = "IN PROGRESS"
    COMPLETED = "COMPLETED"
    CANCELED = "CANCELED"


class WorklistEvent(StrEnum):
    """What a person or the arrival of images can do to a row."""

    CLAIM = "claim"
    RENEW = "renew"
    RELEASE = "release"
    EXPIRE = "expire"
    COMPLETE = "complete"
    REOPEN = "reopen"
    NEW_IMAGES = "new-images"
    PIN = "pin"
    UNPIN = "unpin"
    CANCEL = "cancel"
    LOWER = "lower"
    RAISE = "raise"


_S, _E = WorklistState, WorklistEvent
_SCHED, _PROG, _DONE, _GONE = _S.SCHEDULED, _S.IN_PROGRESS, _S.COMPLETED, _S.CANCELED
_ROWS: dict[WorklistEvent, tuple[WorklistState | None, ...]] = {
    #               SCHEDULED IN PROGRESS COMPLETED CANCELED
    _E.CLAIM: (_PROG, None, None, None),
    _E.RENEW: (None, _PROG, None, None),
    _E.RELEASE: (None, _SCHED, None, None),
    _E.EXPIRE: (None, _SCHED, None, None),
    _E.COMPLETE: (_DONE, _DONE, None, None),
    _E.REOPEN: (None, None, _SCHED, _SCHED),
    _E.NEW_IMAGES: (_SCHED, _PROG, _SCHED, _SCHED),
    _E.PIN: (_SCHED, _PROG, None, None),
    _E.UNPIN: (_SCHED, _PROG, None, None),
    _E.CANCEL: (_GONE, _GONE, None, None),
    _E.LOWER: (_SCHED, _PROG, None, None),
    _E.RAISE: (_SCHED, _PROG, None, None),
}
TRANSITIONS: dict[tuple[WorklistState, WorklistEvent], WorklistState | None] = {
    (state, event): row[column] for event, row in _ROWS.items() for column, state in enumerate(WorklistState)
}
# Only the reader who holds the claim may do these; anybody else is told who holds it.
HOLDERS_ACTS = frozenset({_E.RENEW, _E.RELEASE, _E.COMPLETE, _E.CANCEL})
_PAST = {_DONE: "was completed", _GONE: "was cancelled", _SCHED: "is not claimed", _PROG: "is being read"}


class Tab(StrEnum):
    """Which part of the list is asked for."""

    UNREAD = "unread"
    MINE = "mine"
    READ = "read"
    NOT_ANALYSED = "not-analysed"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class Hold:
    """The part of a row that people act on; `until` is when the claim ends by itself."""

    state: WorklistState
    version: int
    reader: str = ""
    since: datetime | None = None
    until: datetime | None = None
    completed_by: str = ""
    completed_at: datetime | None = None

    def lapsed(self, now: datetime) -> bool:
        """Tell whether the claim ran out."""
        return self.state is _PROG and self.until is not None and self.until <= now


def decide(
    hold: Hold,
    event: WorklistEvent,
    actor: str,
    *,
    version: int | None = None,
    override: bool = False,
) -> WorklistState:
    """Return the state that follows, or raise Conflict that says who and when.

    `version` is what the actor saw (None: no comparison); `override` lets an administrator act on a
    claim that somebody else holds. A lapsed claim is expired by the caller before it asks.
    """
    if event in HOLDERS_ACTS and hold.state is _PROG and hold.reader != actor and not override:
        raise _taken(hold)
    following = TRANSITIONS[(hold.state, event)]
    if following is None:
        raise _taken(hold) if event is _E.CLAIM and hold.state is _PROG else _refusal(hold, event)
    if version is not None and version != hold.version:
        raise _taken(hold) if hold.state is _PROG and hold.reader != actor else _moved_on(hold)
    return following


def claim_end(now: datetime, minutes: float) -> datetime:
    """Return when a claim made now ends by itself."""
    return now + timedelta(minutes=minutes)


def _at(moment: datetime | None) -> str:
    return f" at {moment:%H:%M}" if moment else ""


def _taken(hold: Hold) -> Conflict:
    return Conflict("taken", f"taken by {hold.reader}{_at(hold.since)}")


def _refusal(hold: Hold, event: WorklistEvent) -> Conflict:
    if hold.state is _DONE:
        return Conflict("completed", f"completed by {hold.completed_by}{_at(hold.completed_at)}")
    return Conflict("worklist-state", f"cannot {event}: the study {_PAST[hold.state]}")


def _moved_on(hold: Hold) -> Conflict:
    if hold.state is _PROG:
        return Conflict("changed", "the study changed meanwhile, perhaps by more images: look at it again")
    return Conflict("changed", f"the study changed meanwhile: it {_PAST[hold.state]} now")


@dataclass(frozen=True, slots=True)
class WorklistRow:
    """One line of the list. Patient data is here for the page alone: never logged, never in a URL."""

    study_id: int
    study_instance_uid: str
    state: WorklistState
    version: int
    tier: Tier
    key: float
    reason_code: str
    reason: str
    ai_status: AiStatus
    ai_reason: str
    ai_sentence: str
    outcome: str
    probability: float | None
    threshold: float | None
    requested_priority: RequestedPriority
    policy: str
    arrived_at: datetime
    waits_since: datetime
    changed_at: datetime
    held: bool
    pinned_by: str
    pin_reason: str
    pinned_at: datetime | None
    claimed_by: str
    claimed_at: datetime | None
    claimed_until: datetime | None
    completed_by: str
    completed_at: datetime | None
    patient_name: str
    patient_id: str
    patient_sex: str
    patient_birth_date: str
    accession_number: str
    study_date: str
    study_time: str
    study_description: str
    study_state: str
    conflict: bool
    calling_ae: str
    modalities: tuple[str, ...]
    images: int
    results_pending: int
    results_sent: int
    results_refused: int
    # Overtaken so often that it comes before all that no person put first.
    guarded: bool = False
    # What people left on it: how many notes stand, and the site's labels.
    notes: int = 0
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Place:
    """Why a study is where it is: the row with its reason, its position now and without a result, and the
    figures behind it. `overtaken` counts younger studies opened before it; None = no bound under this policy.
    """

    row: WorklistRow
    position: int
    position_without_result: int
    waiting: int
    numbers: Numbers
    overtaken: int
    overtaking_limit: int | None
    waited_minutes: float
    staffed_wait_minutes: float
    policy: PolicyVersion


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One line of the audit trail of a study."""

    at: datetime
    actor: str
    action: str


@dataclass(frozen=True, slots=True)
class WorklistDetail:
    """What the drawer shows of one study."""

    place: Place
    outcome: Outcome | None
    history: tuple[HistoryEntry, ...]
    notes: tuple[Note, ...] = ()
