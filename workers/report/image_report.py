"""Hop 9, SR-A: one report per analysis, whatever its answer (TID 1501 groups only).

Promise: "not flagged" and "could not say" are both written, with their reason, so no result and an unflagged
result differ; nothing is ever "Absent". The score of the flag is written only where the site switched
assistance on.
"""

from __future__ import annotations

from highdicom import sr
from pydicom.dataset import Dataset
from pydicom.uid import Comprehensive3DSRStorage

from triage.domain.finding import ImageView, TriageOutcome, View
from workers.report import codes, equipment
from workers.report.alignment_groups import alignment_groups
from workers.report.case import Case, comment
from workers.report.document import add_caution, add_comment, certainty, document, source_image
from workers.report.pattern_groups import pattern_groups
from workers.report.source import Radiograph
from workers.report.values import BuiltObject, Kind, Mode


def image_report(case: Case) -> BuiltObject:
    """Return SR-A: a View classification group per analysed image, one Study triage group, what was measured, the pattern of the curve."""
    groups = [_view_group(case, view) for view in case.request.outcome.views]
    groups.append(_triage_group(case))
    groups.extend(alignment_groups(case))
    groups.extend(pattern_groups(case))
    return document(case, Kind.IMAGE_REPORT, 1, groups, _predecessors(case))


def _view_group(case: Case, view: ImageView) -> sr.MeasurementsAndQualitativeEvaluations:
    measured = view.abstained is None and view.probability is not None
    group = sr.MeasurementsAndQualitativeEvaluations(
        tracking_identifier=sr.TrackingIdentifier(
            uid=case.names.tracking("view", view.sop_instance_uid), identifier="View classification"
        ),
        algorithm_id=equipment.algorithm(equipment.view_model(case.models), case.models),
        source_images=[source_image(case.images[view.sop_instance_uid])],
        time_point_context=_operative_state(view),
        measurements=[certainty(view.probability)] if measured and view.probability is not None else None,
        qualitative_evaluations=_view_answers(view),
    )
    for sentence in _view_sentences(view):
        add_comment(group, comment(sentence))
    add_caution(group, case)
    return group


def _operative_state(view: ImageView) -> sr.TimePointContext | None:
    state = codes.OPERATIVE_OF.get((view.operative or "").upper())
    if view.abstained is not None or state is None:
        return None
    return sr.TimePointContext(time_point=state.meaning, time_point_type=state)


def _view_answers(view: ImageView) -> list[sr.QualitativeEvaluation]:
    if view.abstained is not None or view.view is None:
        return [sr.QualitativeEvaluation(codes.IMAGE_VIEW, codes.UNDETERMINED)]
    answers = [sr.QualitativeEvaluation(codes.IMAGE_VIEW, codes.VIEW_OF[view.view])]
    if (view.device or "").upper() in codes.IMPLANT_DEVICES:
        answers.append(sr.QualitativeEvaluation(codes.IMPLANT, codes.PRESENT))
    return answers


def _view_sentences(view: ImageView) -> list[str]:
    if view.abstained is not None:
        return [f"Undetermined ({view.abstained}): {view.sentence}"]
    sentences = [view.sentence] if view.sentence else []
    if view.label:
        sentences.append(f"View class: {view.label}; coverage: {view.coverage or 'not stated'}")
    if view.disagrees_with_header and view.header_view is not None:
        sentences.append(
            f"The image header states {_words(view.header_view)}; the pixels show {_words(view.view)}."
        )
    return sentences


def _words(view: View | None) -> str:
    return "no view" if view is None else codes.VIEW_OF[view].meaning


def _triage_group(case: Case) -> sr.MeasurementsAndQualitativeEvaluations:
    triage = case.request.outcome.triage
    scored = case.request.mode is Mode.ASSIST and triage.outcome is not TriageOutcome.ABSTAINED
    threshold = [] if triage.threshold is None else [f"threshold={triage.threshold:.4g}"]
    group = sr.MeasurementsAndQualitativeEvaluations(
        tracking_identifier=sr.TrackingIdentifier(
            uid=case.names.tracking("triage"), identifier="Study triage"
        ),
        algorithm_id=equipment.algorithm(equipment.flag_model(case.models), case.models, *threshold),
        finding_sites=[sr.FindingSite(codes.SPINE)],
        source_images=[source_image(image) for image in _looked_at(case)],
        measurements=[certainty(triage.probability)] if scored and triage.probability is not None else None,
        qualitative_evaluations=_triage_answers(triage.outcome),
    )
    for sentence in _triage_sentences(case):
        add_comment(group, comment(sentence))
    add_caution(group, case)
    return group


def _triage_answers(outcome: TriageOutcome) -> list[sr.QualitativeEvaluation]:
    # No Finding row: a naive viewer would print "Finding: compression fracture" on a study that is not flagged.
    answers = [
        sr.QualitativeEvaluation(codes.TRIAGE_TARGET, codes.COMPRESSION_FRACTURE),
        sr.QualitativeEvaluation(codes.TRIAGE_FLAG, codes.FLAG_OF[outcome]),
    ]
    if outcome is TriageOutcome.FLAGGED:
        answers.append(sr.QualitativeEvaluation(codes.PRIORITY, codes.EMERGENCY))
    return answers


def _triage_sentences(case: Case) -> list[str]:
    outcome = case.request.outcome
    flag = codes.FLAG_OF[outcome.triage.outcome].meaning
    reason = f" ({outcome.triage.reason})" if outcome.triage.reason else ""
    missed = [
        f"Image {image.sop_instance_uid} not analysed ({image.reason}): {image.sentence}"
        for image in outcome.not_analysed
    ]
    return [f"{flag}{reason}: {outcome.triage.sentence}", *missed]


def _looked_at(case: Case) -> list[Radiograph]:
    """Return the images the flag's answer rests on: laterals, else all that were looked at, or the slice with the bodies, else all there are."""
    views = case.request.outcome.views
    laterals = [
        view.sop_instance_uid for view in views if view.abstained is None and view.view is View.LATERAL
    ]
    bodies = [found.sop_instance_uid for found in case.request.outcome.vertebrae] if not views else []
    chosen = laterals or [view.sop_instance_uid for view in views] or bodies
    return [case.images[uid] for uid in dict.fromkeys(chosen)] or list(case.images.values())


def _predecessors(case: Case) -> list[Dataset]:
    earlier = case.request.predecessor
    if earlier is None:
        return []
    version = Dataset()
    version.SOPClassUID = Comprehensive3DSRStorage
    version.SOPInstanceUID = earlier.sop_instance_uid
    version.StudyInstanceUID = case.request.study_instance_uid
    version.SeriesInstanceUID = earlier.series_instance_uid
    return [version]
