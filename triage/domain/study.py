"""A study as the modality sent it: headers, states, and which state may follow which event."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from triage.domain.errors import Conflict
from triage.domain.identity import UID


class StudyState(StrEnum):
    """Where a study stands on its way; nothing here says anything about a finding."""

    RECEIVING = "receiving"
    CLOSED = "closed"
    ANALYSED = "analysed"


class StudyEvent(StrEnum):
    """What can happen to a study."""

    ARRIVE = "arrive"
    CLOSE = "close"
    SETTLE = "settle"
    REQUEUE = "requeue"


_S, _E = StudyState, StudyEvent
# None: the event cannot happen in that state; somebody else was faster.
TRANSITIONS: dict[tuple[StudyState, StudyEvent], StudyState | None] = {
    (_S.RECEIVING, _E.ARRIVE): _S.RECEIVING,
    (_S.RECEIVING, _E.CLOSE): _S.CLOSED,
    (_S.RECEIVING, _E.SETTLE): None,
    (_S.RECEIVING, _E.REQUEUE): None,
    (_S.CLOSED, _E.ARRIVE): _S.RECEIVING,
    (_S.CLOSED, _E.CLOSE): None,
    (_S.CLOSED, _E.SETTLE): _S.ANALYSED,
    (_S.CLOSED, _E.REQUEUE): _S.CLOSED,
    (_S.ANALYSED, _E.ARRIVE): _S.RECEIVING,
    (_S.ANALYSED, _E.CLOSE): None,
    (_S.ANALYSED, _E.SETTLE): _S.ANALYSED,
    (_S.ANALYSED, _E.REQUEUE): _S.CLOSED,
}


def after(state: StudyState, event: StudyEvent) -> StudyState:
    """Return the state that follows, or raise Conflict when the event cannot happen there."""
    following = TRANSITIONS[(state, event)]
    if following is None:
        raise Conflict("study-state", f"a study that is {state} cannot {event}")
    return following


@dataclass(frozen=True, slots=True)
class InstanceHeader:
    """What the catalogue keeps of one instance's header. Text is already free of NUL and surrogates."""

    study_instance_uid: UID
    series_instance_uid: UID
    sop_instance_uid: UID
    sop_class_uid: UID
    transfer_syntax_uid: UID
    modality: str = ""
    patient_id: str = ""
    issuer_of_patient_id: str = ""
    patient_name: str = ""
    patient_birth_date: str = ""
    patient_sex: str = ""
    accession_number: str = ""
    study_id: str = ""
    study_date: str = ""
    study_time: str = ""
    study_description: str = ""
    referring_physician_name: str = ""
    series_number: int | None = None
    series_description: str = ""
    body_part: str = ""
    view_position: str = ""
    manufacturer: str = ""
    rows: int | None = None
    columns: int | None = None
    frames: int = 1
    photometric: str = ""
    requested_priority: str = ""
    study_related_instances: int | None = None
    own_result: bool = False
    problem: str = ""


@dataclass(frozen=True, slots=True)
class ArrivedInstance:
    """One durable file on its way from the spool into the catalogue."""

    header: InstanceHeader
    digest: str
    size: int
    spool_name: str
    calling_ae: str
    arrived_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ClosingView:
    """What the closing rules may look at; times are the database's."""

    modalities: frozenset[str]
    calling_ae: str
    last_arrival: datetime
    opened_at: datetime
    instances: int
    expected_instances: int | None
    view_positions: frozenset[str]
