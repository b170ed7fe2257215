"""What the page says of findings beside the flag, in the lexicon of `words`: sentences, never a verdict."""

from __future__ import annotations

from triage.domain.finding import CurvePattern, TriageOutcome


def pattern(found: CurvePattern) -> str:
    """Return what was found in the two views together, or why nothing was."""
    answer = found.answer
    return (
        f"not analysed: {answer.sentence}" if answer.outcome is TriageOutcome.ABSTAINED else answer.sentence
    )
