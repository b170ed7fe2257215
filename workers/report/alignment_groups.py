"""Hop 9, the alignment groups of SR-A: angles in degrees per image (TID 1501), or that they could not be measured.

Promise: an angle that was withheld is a CODE, "Measurement failure" under the angle's name, with its reason; never a
number. (A NUM without a value is legal, PS3.3 C.18.1, but TID 300's validators call it an error.) The endplates an angle was taken from are written where the site switched assistance on (results.md 0.7).
"""

from __future__ import annotations

import numpy as np
from highdicom import sr

from triage.domain.finding import Measure, MeasureKind
from workers.report import codes, equipment
from workers.report.case import Case, comment
from workers.report.document import add_caution, add_comment, source_image
from workers.report.source import Radiograph
from workers.report.values import Mode


def alignment_groups(case: Case) -> list[sr.MeasurementsAndQualitativeEvaluations]:
    """Return one group per measured image, in the order of the outcome."""
    by_image: dict[str, list[Measure]] = {}
    for measure in case.request.outcome.measures:
        by_image.setdefault(measure.sop_instance_uid, []).append(measure)
    return [_group(case, case.images[uid], found) for uid, found in by_image.items()]


def _group(
    case: Case, image: Radiograph, measures: list[Measure]
) -> sr.MeasurementsAndQualitativeEvaluations:
    group = sr.MeasurementsAndQualitativeEvaluations(
        tracking_identifier=sr.TrackingIdentifier(
            uid=case.names.tracking("alignment", image.sop_instance_uid), identifier="Alignment"
        ),
        algorithm_id=equipment.algorithm(equipment.measure_model(case.models), case.models),
        finding_sites=[sr.FindingSite(codes.SPINE)],
        source_images=[source_image(image)],
        measurements=[
            _measurement(case, image, measure, measure.degrees)
            for measure in measures
            if measure.degrees is not None
        ]
        or None,
        qualitative_evaluations=[
            sr.QualitativeEvaluation(codes.ANGLE_OF[measure.kind], codes.MEASUREMENT_FAILURE)
            for measure in measures
            if measure.degrees is None
        ]
        or None,
    )
    for measure in measures:
        add_comment(group, comment(_sentence(measure)))
    add_caution(group, case)
    return group


def _measurement(case: Case, image: Radiograph, measure: Measure, degrees: float) -> sr.Measurement:
    assisting = case.request.mode is Mode.ASSIST
    return sr.Measurement(
        codes.ANGLE_OF[measure.kind],
        degrees,
        codes.DEGREE,
        finding_sites=_sites(measure),
        referenced_coordinates=[_arm(image, arm) for arm in measure.arms] if assisting else None,
    )


def _sites(measure: Measure) -> list[sr.FindingSite]:
    """The end vertebrae of a curve where they have names; the part of the spine that an angle is named after."""
    if measure.kind is MeasureKind.COBB:
        named = [level for level in (measure.upper, measure.lower) if level]
        return [sr.FindingSite(codes.vertebra(level)) for level in named] or [sr.FindingSite(codes.SPINE)]
    return [sr.FindingSite(codes.SITE_OF[measure.kind])]


def _arm(image: Radiograph, arm: tuple[tuple[float, float], ...]) -> sr.CoordinatesForMeasurement:
    return sr.CoordinatesForMeasurement(
        sr.GraphicTypeValues.POLYLINE,
        np.array(arm, float),
        sr.SourceImageForRegion(image.sop_class_uid, image.sop_instance_uid),
        purpose=codes.ARM_OF_ANGLE,
    )


def _sentence(measure: Measure) -> str:
    name = codes.ANGLE_OF[measure.kind].meaning
    if measure.degrees is None or measure.error is None:
        return f"{name} ({measure.abstained}): {measure.sentence}"
    ends = f", {measure.upper} to {measure.lower}" if measure.upper and measure.lower else ""
    side = f", convex to the {measure.convex} of the image" if measure.convex else ""
    told = f"{name} {measure.degrees:.1f} degrees{ends}{side}"
    return (
        f"{told}; one standard deviation {measure.error:.1f} degrees. Automated, to be checked on the image."
    )
