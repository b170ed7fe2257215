"""The pattern of a curve as the API tells it. What stands here is public: fields are added, never renamed."""

from __future__ import annotations

from pydantic import BaseModel

from triage.domain.finding import CurvePattern


class Pattern(BaseModel):
    """The answer on a frontal and a lateral image together; both UIDs are null where no pair could be made."""

    frontal_uid: str | None
    lateral_uid: str | None
    outcome: str
    reason: str
    sentence: str
    probability: float | None
    threshold: float | None

    @classmethod
    def of(cls, found: CurvePattern, *, assist: bool) -> Pattern:
        """Return it as this site's mode lets it be shown."""
        answer = found.answer
        return cls(
            frontal_uid=found.frontal_uid,
            lateral_uid=found.lateral_uid,
            outcome=answer.outcome,
            reason=answer.reason,
            sentence=answer.sentence,
            probability=answer.probability if assist else None,
            threshold=answer.threshold if assist else None,
        )
