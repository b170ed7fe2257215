"""What the final report said of a study: the truth that the order and the algorithm are measured by."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class OutcomeLabel(StrEnum):
    """A fresh fracture; an old one alone; none; the report does not tell."""

    FRESH = "fresh"
    OLD = "old"
    NONE = "none"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class ReportedOutcome:
    """One line of an import. `line` is its number in the file. Holds an accession number: never log it."""

    line: int
    accession_number: str
    label: OutcomeLabel
    reported_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class LineProblem:
    """A line that was not taken, and why; never what it held."""

    line: int
    sentence: str


@dataclass(frozen=True, slots=True)
class Scored:
    """One labelled study and what the algorithm said: `answer` is FLAGGED, NOT_FLAGGED, ABSTAINED or empty."""

    sender: str
    label: OutcomeLabel
    answer: str
    probability: float | None
