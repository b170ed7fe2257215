"""Every answer this receiver gives to a C-STORE or refuses an association with, in one table.

PS3.4 Table B.2-1 and PS3.7 Annex C for statuses; PS3.8 Table 9-21 for rejections. Senders act on
the class: Axxx and 0110 are tried again, Cxxx, A9xx and 01xx are parked for a person. So a fault of
ours must never look like a fault of the data. Comments are fixed sentences: no value of the data set
can reach them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from triage.domain.errors import TriageError, Unavailable


@dataclass(frozen=True, slots=True)
class Status:
    """A DIMSE status with its Error Comment (0000,0902), at most 64 characters."""

    code: int
    comment: str = ""

    @property
    def family(self) -> str:
        """The label that metrics use."""
        if self.code == 0:
            return "success"
        return {0xA7: "out-of-resources", 0xA9: "mismatch"}.get(self.code >> 8, "refused")


class Cause(StrEnum):
    """Why a C-STORE ends as it does."""

    STORED = "stored"
    SPOOL_FULL = "spool-full"
    NO_FILES = "no-files"
    SPOOL_BROKEN = "spool-broken"
    OBJECT_TOO_LARGE = "object-too-large"
    INTERNAL = "internal"
    SOP_CLASS_DIFFERS = "sop-class-differs"
    SOP_INSTANCE_DIFFERS = "sop-instance-differs"
    NO_DATA_SET = "no-data-set"
    TRUNCATED = "truncated"
    MALFORMED = "malformed"
    NESTED_TOO_DEEP = "nested-too-deep"
    TOO_MANY_ELEMENTS = "too-many-elements"
    INFLATES_TOO_FAR = "inflates-too-far"
    FILE_META_INSIDE = "file-meta-inside"
    MISSING_UID = "missing-uid"
    AMBIGUOUS_UID = "ambiguous-uid"
    ILLEGAL_UID = "illegal-uid"
    WRONG_CONTEXT = "wrong-context"
    UNRECOGNISED_OPERATION = "unrecognised-operation"
    MISTYPED_ARGUMENT = "mistyped-argument"


STATUS: dict[Cause, Status] = {
    Cause.STORED: Status(0x0000),
    Cause.SPOOL_FULL: Status(0xA700, "No space left in the spool; send again later"),
    Cause.NO_FILES: Status(0xA701, "Out of file handles; send again later"),
    Cause.SPOOL_BROKEN: Status(0xA702, "The spool cannot store; send again later"),
    Cause.OBJECT_TOO_LARGE: Status(0xA703, "Data set is larger than this receiver allows"),
    Cause.INTERNAL: Status(0xA704, "Internal fault; send again later"),
    Cause.SOP_CLASS_DIFFERS: Status(0xA900, "SOP Class UID differs between command and data set"),
    Cause.SOP_INSTANCE_DIFFERS: Status(0xA901, "SOP Instance UID differs between command and data set"),
    Cause.NO_DATA_SET: Status(0xC000, "The request has no data set"),
    Cause.TRUNCATED: Status(0xC001, "Data set ends inside an element"),
    Cause.MALFORMED: Status(0xC002, "Data set cannot be decoded"),
    Cause.NESTED_TOO_DEEP: Status(0xC003, "Sequences nested too deeply"),
    Cause.TOO_MANY_ELEMENTS: Status(0xC004, "Data set has too many elements"),
    Cause.INFLATES_TOO_FAR: Status(0xC005, "Deflated data set inflates beyond the limit"),
    Cause.FILE_META_INSIDE: Status(0xC006, "Group 0000 or 0002 inside the data set"),
    Cause.MISSING_UID: Status(0xC007, "Study, Series, SOP Class or SOP Instance UID missing"),
    Cause.AMBIGUOUS_UID: Status(0xC008, "A UID occurs twice with different values"),
    Cause.ILLEGAL_UID: Status(0x0117, "A UID is not a UID"),
    Cause.WRONG_CONTEXT: Status(0x0122, "SOP Class was not negotiated for this context"),
    Cause.UNRECOGNISED_OPERATION: Status(0x0211, "Operation not supported"),
    Cause.MISTYPED_ARGUMENT: Status(0x0212, "Command set lacks a mandatory value"),
}


def cause_of(error: TriageError) -> Cause:
    """Return the cause an error stands for; what nobody foresaw is ours, hence transient."""
    try:
        cause = Cause(error.reason)
    except ValueError:
        return Cause.SPOOL_BROKEN if isinstance(error, Unavailable) else Cause.INTERNAL
    return cause


@dataclass(frozen=True, slots=True)
class Rejection:
    """Result, source and reason of an A-ASSOCIATE-RJ (PS3.8 Table 9-21)."""

    result: int
    source: int
    reason: int
    label: str


UNKNOWN_CONTEXT_NAME = Rejection(1, 1, 2, "application-context")
UNKNOWN_CALLING_AE = Rejection(1, 1, 3, "calling-ae")
UNKNOWN_CALLED_AE = Rejection(1, 1, 7, "called-ae")
UNKNOWN_PROTOCOL = Rejection(1, 2, 2, "protocol-version")
CONGESTED = Rejection(2, 3, 1, "congested")
TOO_MANY = Rejection(2, 3, 2, "too-many")
