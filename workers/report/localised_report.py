"""Hop 9, SR-B: where the flag comes from, one TID 1410 group per flagged vertebra.

Promise: coordinates are those of the stored pixels of the named image, outlines are closed POLYLINEs (2-D SCOORD
has no POLYGON). Only made when the site switched assistance on (results.md 0.7).
"""

from __future__ import annotations

import numpy as np
from highdicom import sr

from triage.domain.finding import VertebraFinding
from workers.report import codes, equipment
from workers.report.case import Case
from workers.report.document import add_caution, certainty, document
from workers.report.outline import clipped_outline, clipped_point, vertebra_name
from workers.report.source import Radiograph
from workers.report.values import BuiltObject, Kind


def localised_report(case: Case) -> BuiltObject:
    """Return SR-B for the flagged vertebrae of the case; there must be one."""
    groups = [
        _group(case, case.images[uid], vertebra, number)
        for uid, vertebrae in case.flagged().items()
        for number, vertebra in enumerate(vertebrae, start=1)
    ]
    return document(case, Kind.LOCALISED_REPORT, 2, groups)


def _group(
    case: Case, image: Radiograph, vertebra: VertebraFinding, number: int
) -> sr.PlanarROIMeasurementsAndQualitativeEvaluations:
    name = vertebra_name(vertebra, number)
    group = sr.PlanarROIMeasurementsAndQualitativeEvaluations(
        tracking_identifier=sr.TrackingIdentifier(
            uid=case.names.tracking("vertebra", image.sop_instance_uid, name), identifier=f"Flagged {name}"
        ),
        referenced_region=_region(image, vertebra),
        finding_type=codes.COMPRESSION_FRACTURE,
        finding_sites=[sr.FindingSite(codes.vertebra(vertebra.level))],
        algorithm_id=equipment.algorithm(equipment.flag_model(case.models), case.models),
        geometric_purpose=codes.OUTLINE,
        measurements=[certainty(vertebra.p_fresh)],
        qualitative_evaluations=[
            sr.QualitativeEvaluation(codes.TRIAGE_FLAG, codes.FLAGGED),
            sr.QualitativeEvaluation(codes.CLINICAL_COURSE, codes.ACUTE_ONSET),
        ],
    )
    add_caution(group, case)
    return group


def _region(image: Radiograph, vertebra: VertebraFinding) -> sr.ImageRegion:
    outline = clipped_outline(image, vertebra)
    source = sr.SourceImageForRegion(image.sop_class_uid, image.sop_instance_uid)
    if outline is None:
        point = np.array([clipped_point(image, vertebra.centre)])
        return sr.ImageRegion(sr.GraphicTypeValues.POINT, point, source)
    return sr.ImageRegion(sr.GraphicTypeValues.POLYLINE, outline, source)
