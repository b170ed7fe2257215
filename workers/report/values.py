"""Hop 9, the values: what a report is asked for and what comes back.

Promise: frozen, complete, free of DICOM libraries, so that the pipeline can hold them without importing one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from triage.domain.finding import Outcome


class Mode(StrEnum):
    """What the site lets the product say: the flag alone, or also where and how sure (results.md 0.7)."""

    TRIAGE = "triage"
    ASSIST = "assist"


class Kind(StrEnum):
    """The objects one analysis may leave in the archive."""

    IMAGE_REPORT = "SR-A"
    LOCALISED_REPORT = "SR-B"
    SEGMENTATION = "SEG"
    PRESENTATION = "GSPS"


@dataclass(frozen=True, slots=True)
class Predecessor:
    """The SR-A of the revision that this one replaces; both UIDs, because PS3.3 C.17.2.3 asks for both."""

    sop_instance_uid: str
    series_instance_uid: str


@dataclass(frozen=True, slots=True)
class ReportRequest:
    """One analysis to be written down.

    `analysis_started_at` is aware and comes from the analysis' row: every date and time in the objects is
    this one, so a repeated build is byte-identical.
    """

    analysis_id: int
    study_instance_uid: str
    revision: int
    analysis_started_at: datetime
    outcome: Outcome
    mode: Mode = Mode.TRIAGE
    predecessor: Predecessor | None = None


@dataclass(frozen=True, slots=True)
class BuiltObject:
    """One object; `payload` is a whole Part 10 file."""

    kind: Kind
    sop_class_uid: str
    sop_instance_uid: str
    series_instance_uid: str
    transfer_syntax_uid: str
    payload: bytes
