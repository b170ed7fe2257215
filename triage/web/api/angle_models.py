"""Angles as the API tells them. What stands here is public: fields are added, never renamed."""

from __future__ import annotations

from pydantic import BaseModel

from triage.domain.finding import Measure


class Angle(BaseModel):
    """One angle of one image in degrees with one standard deviation, or null and why there is none.

    upper and lower are the levels it was taken between, null where they could not be named; convex is the side of the
    image that a lateral curve bulges to, else empty.
    """

    sop_instance_uid: str
    kind: str
    degrees: float | None
    standard_deviation: float | None
    upper: str | None
    lower: str | None
    convex: str
    not_measurable: str | None
    sentence: str

    @classmethod
    def of(cls, found: Measure) -> Angle:
        """Return it without the endplates, which a site sees in assist mode at the PACS."""
        return cls(
            sop_instance_uid=found.sop_instance_uid,
            kind=found.kind,
            degrees=found.degrees,
            standard_deviation=found.error,
            upper=found.upper,
            lower=found.lower,
            convex=found.convex,
            not_measurable=found.abstained,
            sentence=found.sentence,
        )
