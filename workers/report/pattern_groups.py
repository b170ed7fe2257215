"""Hop 9, the curve pattern group of SR-A (TID 1501): the answer on a frontal and a lateral image together.

Promise: both source images are referenced; "not flagged" and "could not say" are both written with their reason, never
"Absent". The probability is written only where the site switched assistance on.
"""

from __future__ import annotations

from highdicom import sr

from triage.domain.finding import CurvePattern, Triage, TriageOutcome
from workers.report import codes, equipment
from workers.report.case import Case, comment
from workers.report.document import add_caution, add_comment, certainty, source_image
from workers.report.source import Radiograph
from workers.report.values import Mode


def pattern_groups(case: Case) -> list[sr.MeasurementsAndQualitativeEvaluations]:
    """Return the one group, or none where the site serves no model that reads pairs."""
    pattern = case.request.outcome.pattern
    return [] if pattern is None else [_group(case, pattern)]


def _group(case: Case, pattern: CurvePattern) -> sr.MeasurementsAndQualitativeEvaluations:
    answer = pattern.answer
    scored = case.request.mode is Mode.ASSIST and answer.outcome is not TriageOutcome.ABSTAINED
    threshold = [] if answer.threshold is None else [f"threshold={answer.threshold:.4g}"]
    group = sr.MeasurementsAndQualitativeEvaluations(
        tracking_identifier=sr.TrackingIdentifier(
            uid=case.names.tracking("curve-pattern"), identifier="Curve pattern"
        ),
        algorithm_id=equipment.algorithm(equipment.pattern_model(case.models), case.models, *threshold),
        finding_sites=[sr.FindingSite(codes.SPINE)],
        source_images=[source_image(image) for image in _looked_at(case, pattern)],
        measurements=[certainty(answer.probability)] if scored and answer.probability is not None else None,
        qualitative_evaluations=[
            sr.QualitativeEvaluation(codes.TRIAGE_TARGET, codes.ATYPICAL_CURVE),
            sr.QualitativeEvaluation(codes.TRIAGE_FLAG, codes.FLAG_OF[answer.outcome]),
        ],
    )
    add_comment(group, comment(_sentence(answer)))
    add_caution(group, case)
    return group


def _sentence(answer: Triage) -> str:
    reason = f" ({answer.reason})" if answer.reason else ""
    return f"{codes.FLAG_OF[answer.outcome].meaning}{reason}: {answer.sentence}"


def _looked_at(case: Case, pattern: CurvePattern) -> list[Radiograph]:
    """Return the pair, frontal first; all images of the case where none could be made."""
    pair = [uid for uid in (pattern.frontal_uid, pattern.lateral_uid) if uid is not None]
    return [case.images[uid] for uid in pair] or list(case.images.values())
