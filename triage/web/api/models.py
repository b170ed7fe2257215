"""Every answer of the API as a type. What stands here is public: fields are added, never renamed."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from triage.domain.finding import ImageView, NotAnalysedImage, Outcome
from triage.domain.marks import NOTE_LENGTH
from triage.domain.reading import Cause, FlagFilter, LowerReason, Verdict
from triage.domain.worklist import Tab, WorklistDetail, WorklistRow
from triage.store.situation import Situation
from triage.web.api.angle_models import Angle
from triage.web.api.order_models import Figures
from triage.web.api.pattern_models import Pattern
from triage.web.page_ends import MOST_LETTERS

ROW_ID = 2**62


class Answer(BaseModel):
    """A part of an answer, read from a value of the domain."""

    model_config = ConfigDict(from_attributes=True)


class Row(Answer):
    """One study on the list. `version` is what an act must name; scores only where the site shows them."""

    study_id: int
    study_instance_uid: str
    state: Literal["SCHEDULED", "IN PROGRESS", "COMPLETED", "CANCELED"]
    version: int
    reason_code: str
    reason: str
    requested_priority: str
    policy: str
    ai_status: str
    ai_reason: str
    ai_sentence: str
    outcome: str
    probability: float | None
    threshold: float | None
    arrived_at: datetime
    changed_at: datetime
    pinned_by: str
    pin_reason: str
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
    notes: int
    labels: tuple[str, ...]

    @classmethod
    def of(cls, row: WorklistRow, *, assist: bool) -> Row:
        """Return the row as this site's mode lets it be shown."""
        found = cls.model_validate(row)
        return found if assist else found.model_copy(update={"probability": None, "threshold": None})


class Page(Answer):
    """A page of the list; `next` is what `after` must be for the following one, null at the end."""

    items: list[Row]
    next: str | None


class Counts(Answer):
    """How many studies each tab holds."""

    counts: dict[Tab, int]


class View(Answer):
    """What one image was taken for."""

    sop_instance_uid: str
    view: str | None
    coverage: str | None
    operative: str | None
    abstained: str | None
    sentence: str
    disagrees_with_header: bool

    @classmethod
    def of(cls, found: ImageView) -> View:
        """Return it without the gate's own figures."""
        return cls.model_validate(found)


class NotUsed(Answer):
    """An image that no model was asked about, and why."""

    sop_instance_uid: str
    reason: str
    sentence: str

    @classmethod
    def of(cls, found: NotAnalysedImage) -> NotUsed:
        """Return it."""
        return cls.model_validate(found)


class Model(Answer):
    """A model that gave the answer."""

    name: str
    version: str
    digest: str
    data_origin: str


class Analysis(Answer):
    """The newest answer: what was looked at, by which models; levels only where the site shows them."""

    outcome: str
    sentence: str
    views: list[View]
    not_used: list[NotUsed]
    models: list[Model]
    levels: list[str] | None
    pattern: Pattern | None
    angles: list[Angle]

    @classmethod
    def of(cls, outcome: Outcome, *, assist: bool) -> Analysis:
        """Return the answer as this site's mode lets it be shown."""
        fresh = [found.level or "not determined" for found in outcome.vertebrae if found.label == "fresh"]
        return cls(
            outcome=outcome.triage.outcome,
            sentence=outcome.triage.sentence,
            views=[View.of(found) for found in outcome.views],
            not_used=[NotUsed.of(found) for found in outcome.not_analysed],
            models=[Model.model_validate(model) for model in outcome.models],
            levels=fresh if assist else None,
            pattern=Pattern.of(outcome.pattern, assist=assist) if outcome.pattern else None,
            angles=[Angle.of(found) for found in outcome.measures],
        )


class History(Answer):
    """One thing that was done with the study."""

    at: datetime
    actor: str
    action: str


class Written(Answer):
    """A note as it stands on the study."""

    id: int
    reader: str
    text: str
    at: datetime


class Detail(Answer):
    """Why a study stands where it stands."""

    row: Row
    position: int
    position_without_result: int
    waiting: int
    figures: Figures
    analysis: Analysis | None
    history: list[History]
    notes: list[Written]

    @classmethod
    def of(cls, detail: WorklistDetail, *, assist: bool) -> Detail:
        """Return the detail as this site's mode lets it be shown."""
        place = detail.place
        return cls(
            row=Row.of(place.row, assist=assist),
            position=place.position,
            position_without_result=place.position_without_result,
            waiting=place.waiting,
            figures=Figures.of(place, assist=assist),
            analysis=Analysis.of(detail.outcome, assist=assist) if detail.outcome else None,
            history=[History.model_validate(line) for line in detail.history],
            notes=[Written.model_validate(note) for note in detail.notes],
        )


class Me(Answer):
    """Who asks. `form_token` is what a browser's session must send as X-Form-Token with every change."""

    name: str
    role: str
    scope: str | None
    rights: list[str]
    form_token: str


class Stands(Answer):
    """How reception and analysis stand."""

    now: datetime
    last_arrival: datetime | None
    analyses_waiting: int
    oldest_analysis_s: float
    workers: int
    models: list[Model]

    @classmethod
    def of(cls, found: Situation) -> Stands:
        """Return it."""
        return cls.model_validate(found)


class Asked(BaseModel):
    """A body; a key that nobody knows is a mistake."""

    model_config = ConfigDict(extra="forbid")


class Search(Asked):
    """What the list is narrowed to. The text is patient data, which is why it is sent in a body."""

    tab: Tab = Tab.UNREAD
    text: str = Field(default="", max_length=200)
    modality: str = Field(default="", max_length=16)
    source: str = Field(default="", max_length=16)
    flag: FlagFilter = FlagFilter.ANY
    limit: int = Field(default=100, ge=1, le=500)
    after: str | None = Field(default=None, max_length=MOST_LETTERS)


class Doing(Asked):
    """An act, on the version that was seen; `note` goes with a pin, `reason` and `note` with "lower"."""

    version: int = Field(ge=1, le=ROW_ID)
    note: str = Field(default="", max_length=200)
    reason: LowerReason | None = None


class Judgement(Asked):
    """What a reader thinks of the flag."""

    verdict: Verdict
    cause: Cause | None = None


class Writing(Asked):
    """A note. Its text may be patient data, which is why it is sent in a body."""

    text: str = Field(min_length=1, max_length=NOTE_LENGTH)


class Labelled(Asked):
    """A label of the site's list, to be put on or taken off."""

    label: str = Field(min_length=1, max_length=40)
    on: bool = True


class Number(Answer):
    """The number of what was made."""

    id: int
