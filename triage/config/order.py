"""The keys of `worklist`: what the order starts with. A recorded change of policy takes their place."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, field_validator

from triage.config.base import Section
from triage.domain.errors import Refused
from triage.domain.marks import MOST_LABELS, label_word
from triage.domain.policy import (
    USUAL_GUARD,
    USUAL_HARM,
    USUAL_PRIOR,
    FindingWeight,
    OrderPolicy,
    fracture_findings,
)
from triage.domain.rota import Rota, Shift


def _refuse(make: Any, *values: Any, **more: Any) -> None:
    """Turn the domain's refusal into one that names the key."""
    try:
        make(*values, **more)
    except Refused as refused:
        raise ValueError(refused.sentence) from refused


class ShiftSettings(Section):
    """Readers on duty; an `end` not after `start` is the next day's."""

    days: tuple[str, ...]
    start: str
    end: str
    readers: int = Field(default=1, ge=1)


class RotaSettings(Section):
    """The staffed clock: shifts by weekday, holidays, an IANA time zone. Without shifts: the wall clock."""

    zone: str = "UTC"
    shifts: tuple[ShiftSettings, ...] = ()
    holidays: tuple[str, ...] = ()

    @field_validator("zone")
    @classmethod
    def _check_zone(cls, zone: str) -> str:
        _refuse(Rota, zone)
        return zone

    @field_validator("shifts")
    @classmethod
    def _check_shifts(cls, shifts: tuple[ShiftSettings, ...]) -> tuple[ShiftSettings, ...]:
        for shift in shifts:
            _refuse(Shift, shift.days, shift.start, shift.end, shift.readers)
        return shifts

    @field_validator("holidays")
    @classmethod
    def _check_holidays(cls, holidays: tuple[str, ...]) -> tuple[str, ...]:
        _refuse(Rota, "UTC", (), holidays)
        return holidays

    def rota(self) -> Rota:
        """Return the rota as the order knows it."""
        shifts = tuple(Shift(it.days, it.start, it.end, it.readers) for it in self.shifts)
        return Rota(self.zone, shifts, self.holidays)


class FindingSettings(Section):
    """A finding of another model: the harm of a minute's wait, and how often each class has it."""

    kind: str = Field(min_length=1, max_length=64)
    harm: float = Field(ge=0, le=1)
    prior: dict[str, float]


class LabelSettings(Section):
    """A label that readers may put on a study: a word, and the colour beside it."""

    word: str
    colour: Literal["hot", "warm", "cool", "green", "grey"] = "grey"

    @field_validator("word")
    @classmethod
    def _check_word(cls, word: str) -> str:
        _refuse(label_word, word)
        return word


USUAL_LABELS = (
    LabelSettings(word="call referrer", colour="hot"),
    LabelSettings(word="discuss", colour="cool"),
    LabelSettings(word="teaching", colour="green"),
)


class WorklistSettings(Section):
    """The order the site starts with (minutes; see the decision record on the order)."""

    policy: Literal["fifo", "human", "flag", "seniority"] = "seniority"
    seniority_minutes: float = Field(default=2880.0, ge=0)
    harm: dict[str, float] = Field(default_factory=lambda: dict(USUAL_HARM))
    prior: dict[str, float] = Field(default_factory=lambda: dict(USUAL_PRIOR))
    guard: dict[str, int] = Field(default_factory=lambda: dict(USUAL_GUARD))
    findings: tuple[FindingSettings, ...] = ()
    rota: RotaSettings = RotaSettings()
    labels: tuple[LabelSettings, ...] = Field(default=USUAL_LABELS, max_length=MOST_LABELS)
    stat_calling_aes: tuple[str, ...] = ()
    claim_minutes: float = Field(default=20.0, gt=0)

    @field_validator("harm", "prior", "guard")
    @classmethod
    def _check_classes(cls, values: dict[str, Any], info: Any) -> dict[str, Any]:
        known: dict[str, Any] = {"harm": values, "guard": values}
        known["prior"] = fracture_findings(values)
        key = "findings" if info.field_name == "prior" else info.field_name
        _refuse(OrderPolicy, **{key: known[info.field_name]})
        return values

    def order_policy(self) -> OrderPolicy:
        """Return the figures; a class the site left out keeps its default."""
        others = (FindingWeight(it.kind, it.harm, it.prior) for it in self.findings)
        return OrderPolicy(
            name=self.policy,
            seniority_minutes=self.seniority_minutes,
            harm={**USUAL_HARM, **self.harm},
            findings=(*fracture_findings(self.prior), *others),
            guard=self.guard if self.guard == {} else {**USUAL_GUARD, **self.guard},
            rota=self.rota.rota(),
            stat_calling_aes=self.stat_calling_aes,
        )
