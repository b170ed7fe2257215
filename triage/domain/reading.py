"""What a reader adds to the list without moving it: columns, filters, saved views, opinions, skips.

Plain values; nothing here knows a database or a clock. An opinion is about the flag, never about the
patient: agree, disagree or unsure, with a cause from a short list. A skip is one reader's own: the study
stays where it stands for everybody, and only this reader's "next" passes over it for a while.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from triage.domain.errors import Refused
from triage.domain.spoken import one_line
from triage.domain.worklist import Tab

SKIP_MINUTES = 15.0
TEXT_LENGTH = 64
VIEW_NAME_LENGTH = 40
OPINION_DAYS = 30


class Column(StrEnum):
    """The columns of the list, in the order they stand."""

    BAND = "band"
    WHY = "why"
    WAIT = "wait"
    PATIENT = "patient"
    STUDY = "study"
    ACCESSION = "accession"
    TIME = "time"
    AI = "ai"
    IMAGES = "images"
    SENT = "sent"
    SOURCE = "source"
    CLAIM = "claim"


# Without these a row cannot be read, so nobody can lose them.
ALWAYS = frozenset({Column.BAND, Column.WHY, Column.WAIT, Column.PATIENT, Column.STUDY, Column.CLAIM})
USUAL_COLUMNS = tuple(column for column in Column if column not in (Column.SOURCE, Column.TIME))


def columns(chosen: Iterable[str]) -> tuple[Column, ...]:
    """Return the columns to show, in order, the indispensable ones among them; unknown names are dropped."""
    wanted = set(chosen) | ALWAYS
    return tuple(column for column in Column if column in wanted)


class FlagFilter(StrEnum):
    """Which answers a list is narrowed to."""

    ANY = ""
    FLAGGED = "flagged"
    NOT_FLAGGED = "not-flagged"
    NOT_ANALYSED = "not-analysed"
    WAITING = "waiting"


@dataclass(frozen=True, slots=True)
class Filters:
    """What a list is narrowed to; the text is patient data and stays out of addresses and logs."""

    text: str = ""
    modality: str = ""
    source: str = ""
    flag: FlagFilter = FlagFilter.ANY

    @property
    def empty(self) -> bool:
        """Tell whether nothing is narrowed."""
        return not (self.text or self.modality or self.source or self.flag)

    @classmethod
    def spoken(cls, text: str = "", modality: str = "", source: str = "", flag: str = "") -> Filters:
        """Return filters from a form, cut to length and to what can be printed; Refused for an unknown flag."""
        if flag not in set(FlagFilter):
            raise Refused("filter", "there is no such filter")
        return cls(
            one_line(text, TEXT_LENGTH),
            one_line(modality, 16).upper(),
            one_line(source, 16),
            FlagFilter(flag),
        )


@dataclass(frozen=True, slots=True)
class StoredQuery:
    """Filters under an opaque id, so that an address never names a patient."""

    token: str
    filters: Filters


@dataclass(frozen=True, slots=True)
class SavedView:
    """A list that somebody named: their own, or everybody's."""

    id: int
    name: str
    owner: str
    shared: bool
    tab: Tab
    filters: Filters
    columns: tuple[Column, ...]


def demand_lasting(filters: Filters) -> None:
    """Raise Refused for filters that a view must not keep: a search is forgotten after a shift, a view never is."""
    if filters.text:
        raise Refused("view-text", "A view keeps no search for one patient. Take the search out, then save")


def view_name(spoken: str) -> str:
    """Return the name of a saved view; raises Refused when it is none."""
    name = one_line(spoken, VIEW_NAME_LENGTH)
    if not name:
        raise Refused("view-name", f"a view's name has 1 to {VIEW_NAME_LENGTH} letters")
    return name


class Verdict(StrEnum):
    """What a reader thinks of the flag."""

    AGREE = "agree"
    DISAGREE = "disagree"
    UNSURE = "unsure"


class Cause(StrEnum):
    """Why a reader does not agree with a flag, or is not sure."""

    OLD_FRACTURE = "old-fracture"
    DEGENERATIVE = "degenerative"
    VARIANT = "variant"
    ARTEFACT = "artefact"
    WRONG_VIEW = "wrong-view"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Opinion:
    """One reader's present opinion on one study's flag."""

    reader: str
    verdict: Verdict
    cause: str
    at: datetime


@dataclass(frozen=True, slots=True)
class ConfirmRate:
    """How often readers here agreed with flags lately: counts, because a rate of few means little."""

    agreed: int
    judged: int
    days: int = OPINION_DAYS


class LowerReason(StrEnum):
    """Why a person moves a study down."""

    KNOWN_OLD = "known-old"
    ARTEFACT = "artefact"
    WRONG_VIEW = "wrong-view"
    DISCUSSED = "discussed"
    OTHER = "other"


LOWER_WORDS = {
    LowerReason.KNOWN_OLD: "known old fracture",
    LowerReason.ARTEFACT: "artefact or implant",
    LowerReason.WRONG_VIEW: "wrong view or patient",
    LowerReason.DISCUSSED: "already discussed",
    LowerReason.OTHER: "other",
}


def lower_why(reason: LowerReason | None, note: str) -> str:
    """Return why a study is moved down, in words; raises Refused when none are given."""
    told = one_line(note, 120)
    if reason is None or (reason is LowerReason.OTHER and not told):
        raise Refused("lower-reason", "Say why the study is moved down")
    known = "" if reason is LowerReason.OTHER else LOWER_WORDS[reason]
    return ", ".join(part for part in (known, told) if part)


@dataclass(frozen=True, slots=True)
class OtherStudy:
    """Another study of the same patient, as the drawer lists it."""

    study_id: int
    study_date: str
    modalities: tuple[str, ...]
    study_description: str
    state: str


@dataclass(frozen=True, slots=True)
class KeyImage:
    """A small compressed picture of one analysed image; never for diagnosis, nothing is drawn into it.

    `attention` is a PNG of the same size to lay over it, empty where there is none.
    """

    sop_instance_uid: str
    media_type: str
    width: int
    height: int
    content: bytes
    attention: bytes = b""

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON types only."""
        encoded = {name: base64.b64encode(getattr(self, name)).decode() for name in ("content", "attention")}
        return {**asdict(self), **encoded}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> KeyImage:
        """Rebuild from `to_json`; raises KeyError, TypeError or ValueError on anything else."""
        return cls(
            str(data["sop_instance_uid"]),
            str(data["media_type"]),
            int(data["width"]),
            int(data["height"]),
            base64.b64decode(data["content"], validate=True),
            base64.b64decode(data.get("attention", ""), validate=True),
        )
