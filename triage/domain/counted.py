"""What an answer counts for in the order, by kind of finding; pure values.

Promise: a newer answer replaces an older one of its kind alone, and an abstention replaces nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from triage.domain.finding import CurvePattern, Triage, TriageOutcome
from triage.domain.policy import ATYPICAL_CURVE, FRESH_FRACTURE


@dataclass(frozen=True, slots=True)
class Counted:
    """The answer a place rests on: the latest one that an analysis gave, by kind of finding.

    It stands while a newer analysis is under way, failed or abstained. `flagged` is about the fracture alone.
    """

    flagged: bool
    findings: Mapping[str, float]

    @classmethod
    def of(cls, triage: Triage, pattern: CurvePattern | None = None) -> Counted | None:
        """Return what an answer counts for; None when every model abstained."""
        found: dict[str, float] = {}
        if triage.probability is not None and triage.outcome is not TriageOutcome.ABSTAINED:
            found[FRESH_FRACTURE] = triage.probability
        if pattern is not None and pattern.answer.probability is not None:
            # Below its own threshold a pattern is nothing that a study should move for.
            flagged = pattern.answer.outcome is TriageOutcome.FLAGGED
            found[ATYPICAL_CURVE] = pattern.answer.probability if flagged else 0.0
        return cls(triage.outcome is TriageOutcome.FLAGGED, found) if found else None


def still_counts(before: Counted | None, answer: Counted | None, *, only_raises: bool) -> Counted | None:
    """Return the answer a place rests on after a new one came.

    A newer answer replaces an older one kind by kind, also downwards. None of a newer answer (abstained) leaves
    the older. `only_raises`: a person has touched the study, or the older answer rests on other images.
    """
    if answer is None or before is None:
        return answer or before
    kinds = {**before.findings, **answer.findings}
    if not only_raises:
        newer = FRESH_FRACTURE in answer.findings
        return Counted(answer.flagged if newer else before.flagged, kinds)
    most = {kind: max(before.findings.get(kind, 0.0), answer.findings.get(kind, 0.0)) for kind in kinds}
    return Counted(before.flagged or answer.flagged, most)
