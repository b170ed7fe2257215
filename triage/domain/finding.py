"""What the networks found, as frozen values that cross processes as JSON.

Coordinates are (column, row) in the stored pixels of the named instance; 0.5 is the centre of the
first pixel (PS3.3 C.10.5.1.2). Probabilities are calibrated and between 0 and 1. Nothing here is ever
"negative": a study is flagged, not flagged, or the model abstained with a reason.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

Point = tuple[float, float]


class TriageOutcome(StrEnum):
    """The study-level answer of the flag."""

    FLAGGED = "FLAGGED"
    NOT_FLAGGED = "NOT_FLAGGED"
    ABSTAINED = "ABSTAINED"


class View(StrEnum):
    """Projection as decided from pixels."""

    AP = "AP"
    LATERAL = "LATERAL"


@dataclass(frozen=True, slots=True)
class ModelIdentity:
    """The bundle that answered; `digest` is the SHA-256 of its bundle.json, `numerics` what it was computed in."""

    name: str
    version: str
    digest: str
    data_origin: str
    numerics: str = "fp32"


@dataclass(frozen=True, slots=True)
class ImageView:
    """The view gate's answer for one image; `probability` is the view's, `abstained` the reason code or None."""

    sop_instance_uid: str
    label: str | None
    view: View | None
    coverage: str | None
    operative: str | None
    device: str | None
    probability: float | None
    abstained: str | None
    sentence: str
    header_view: View | None
    disagrees_with_header: bool
    ood_score: float | None


@dataclass(frozen=True, slots=True)
class VertebraFinding:
    """One vertebra on one lateral image or sagittal slice; `outline` is a closed polygon (first point = last point).

    `counted` is its number from the lowest body found, where the level could not be named but the order is known.
    """

    sop_instance_uid: str
    level: str | None
    label: str
    p_normal: float
    p_old: float
    p_fresh: float
    centre: Point
    outline: tuple[Point, ...]
    counted: int | None = None

    @property
    def place(self) -> str:
        """Where it is, in words: its level, else its number from below."""
        counted = "level not determined" if self.counted is None else f"body {self.counted} from below"
        return self.level or counted


class MeasureKind(StrEnum):
    """An angle that may be measured on a radiograph of the spine."""

    COBB = "COBB"
    KYPHOSIS = "KYPHOSIS"
    LORDOSIS = "LORDOSIS"


@dataclass(frozen=True, slots=True)
class Measure:
    """One angle in degrees with its standard deviation, or `abstained` and the sentence why there is none.

    `upper` and `lower` are the end vertebrae's levels where they could be named, `convex` the side of the image a curve
    bulges to, `arms` the two endplates from their left to their right end.
    """

    sop_instance_uid: str
    kind: MeasureKind
    degrees: float | None
    error: float | None
    upper: str | None
    lower: str | None
    convex: str
    arms: tuple[tuple[Point, Point], ...]
    abstained: str | None
    sentence: str


@dataclass(frozen=True, slots=True)
class NotAnalysedImage:
    """An image that could not be analysed, and why."""

    sop_instance_uid: str
    reason: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Triage:
    """The study-level answer; probability and threshold are None when the model abstained."""

    outcome: TriageOutcome
    probability: float | None
    threshold: float | None
    reason: str
    sentence: str


@dataclass(frozen=True, slots=True)
class CurvePattern:
    """The answer on one frontal and one lateral image together; both UIDs are None where no pair could be made.

    `answer` is about the pattern alone and says why where there is none.
    """

    frontal_uid: str | None
    lateral_uid: str | None
    answer: Triage


@dataclass(frozen=True, slots=True)
class Outcome:
    """All one analysis has to say."""

    views: tuple[ImageView, ...]
    vertebrae: tuple[VertebraFinding, ...]
    not_analysed: tuple[NotAnalysedImage, ...]
    triage: Triage
    models: tuple[ModelIdentity, ...]
    timings_ms: Mapping[str, float] = field(default_factory=dict)
    measures: tuple[Measure, ...] = ()
    pattern: CurvePattern | None = None

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON types only."""
        plain = asdict(self)
        for body in plain["vertebrae"]:
            # Left out where there is none: a page of before MR was read knows no such key.
            if body["counted"] is None:
                del body["counted"]
        return plain

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Outcome:
        """Rebuild from `to_json`; raises KeyError, TypeError or ValueError on anything else."""
        return cls(
            views=tuple(_view(row) for row in data["views"]),
            vertebrae=tuple(_vertebra(row) for row in data["vertebrae"]),
            not_analysed=tuple(NotAnalysedImage(**row) for row in data["not_analysed"]),
            triage=triage_of(data["triage"]),
            models=tuple(ModelIdentity(**row) for row in data["models"]),
            timings_ms={str(name): float(value) for name, value in data["timings_ms"].items()},
            # Answers from before anything was measured hold no such key.
            measures=tuple(_measure(row) for row in data.get("measures", ())),
            # None where the site serves no bundle that reads pairs.
            pattern=_pattern(data.get("pattern")),
        )


@dataclass(frozen=True, slots=True)
class EvidenceDraft:
    """One DICOM object built by a worker, durable in the spool, not yet recorded."""

    kind: str
    sop_class_uid: str
    sop_instance_uid: str
    series_instance_uid: str
    transfer_syntax_uid: str
    spool_name: str
    digest: str
    size: int

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON types only."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> EvidenceDraft:
        """Rebuild from `to_json`."""
        return cls(**data)


def _optional_view(value: str | None) -> View | None:
    return None if value is None else View(value)


def _view(row: Mapping[str, Any]) -> ImageView:
    views = {"view": _optional_view(row["view"]), "header_view": _optional_view(row["header_view"])}
    return ImageView(**{**row, **views})


def _point(pair: Any) -> Point:
    column, row = pair
    return float(column), float(row)


def _vertebra(row: Mapping[str, Any]) -> VertebraFinding:
    outline = tuple(_point(pair) for pair in row["outline"])
    return VertebraFinding(**{**row, "centre": _point(row["centre"]), "outline": outline})


def _measure(row: Mapping[str, Any]) -> Measure:
    arms = tuple((_point(left), _point(right)) for left, right in row["arms"])
    return Measure(**{**row, "kind": MeasureKind(row["kind"]), "arms": arms})


def _pattern(row: Mapping[str, Any] | None) -> CurvePattern | None:
    return None if row is None else CurvePattern(**{**row, "answer": triage_of(row["answer"])})


def triage_of(row: Mapping[str, Any]) -> Triage:
    """Rebuild a study's answer from its JSON; raises KeyError, TypeError or ValueError on anything else."""
    return Triage(**{**row, "outcome": TriageOutcome(row["outcome"])})
