"""The cast of pairs: outcomes that tell the pattern of a curve, or why there is none."""

from __future__ import annotations

from dataclasses import replace

from tests import report_cast as cast
from triage.domain.finding import CurvePattern, ImageView, ModelIdentity, Outcome, Triage, TriageOutcome
from workers.interpret import pairing, patterns

MODEL = ModelIdentity("pair-pattern", "1.0.0", "e" * 64, "synthetic-phantom")


def patterned(frontal: str, lateral: str, outcome: TriageOutcome = TriageOutcome.FLAGGED) -> Outcome:
    """Return a study whose two views were looked at together."""
    flagged = outcome is TriageOutcome.FLAGGED
    said = patterns.FLAGGED if flagged else patterns.NOT_FLAGGED
    reason = "POSSIBLE_ATYPICAL_CURVE" if flagged else "BELOW_THRESHOLD"
    answer = Triage(outcome, 0.87 if flagged else 0.12, 0.3, reason, said)
    views = (cast.anteroposterior(frontal), cast.lateral(lateral))
    return _with(views, CurvePattern(frontal, lateral, answer))


def unpaired(lateral: str) -> Outcome:
    """Return a study without a frontal image."""
    return _with((cast.lateral(lateral),), patterns.none(pairing.NO_FRONTAL))


def _with(views: tuple[ImageView, ...], pattern: CurvePattern) -> Outcome:
    plain = cast.outcome(views)
    return replace(plain, pattern=pattern, models=(*plain.models, MODEL))
