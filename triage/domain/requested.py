"""The requested priority of a study: the standard's terms, and what orders really say."""

from __future__ import annotations

from enum import StrEnum


class RequestedPriority(StrEnum):
    """Defined terms of Requested Procedure Priority (0040,1003), the most pressing first."""

    STAT = "STAT"
    HIGH = "HIGH"
    MEDIUM = "MEDIUM"
    ROUTINE = "ROUTINE"
    LOW = "LOW"


# What orders really hold beside the defined terms: HL7 table 0485 (ORC-7, OBR-27) and plain words.
_SPOKEN = {"S": "STAT", "A": "HIGH", "ASAP": "HIGH", "URGENT": "HIGH", "EMERGENCY": "HIGH", "R": "ROUTINE"}
RANK = {priority: rank for rank, priority in enumerate(RequestedPriority)}


def requested_priority(spoken: str) -> RequestedPriority:
    """Return the defined term for what an order says; unknown words are ROUTINE, never more pressing."""
    return _defined(spoken) or RequestedPriority.ROUTINE


def more_pressing(one: RequestedPriority, other: RequestedPriority) -> RequestedPriority:
    """Return the more pressing of two."""
    return min(one, other, key=RANK.__getitem__)


def raised(known: RequestedPriority, spoken: str) -> RequestedPriority:
    """Return what is requested once a later object came: it may raise, never lower; one that says nothing does neither."""
    return more_pressing(known, _defined(spoken) or known)


def _defined(spoken: str) -> RequestedPriority | None:
    word = spoken.strip().upper()
    try:
        return RequestedPriority(_SPOKEN.get(word, word))
    except ValueError:
        return None
