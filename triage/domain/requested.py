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
    word = spoken.strip().upper()
    try:
        return RequestedPriority(_SPOKEN.get(word, word))
    except ValueError:
        return RequestedPriority.ROUTINE


def more_pressing(one: RequestedPriority, other: RequestedPriority) -> RequestedPriority:
    """Return the more pressing of two: a later image may raise what was requested, never lower it."""
    return min(one, other, key=RANK.__getitem__)
