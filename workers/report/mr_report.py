"""Hop 9, SR-B and SEG of an MR study: the vertebral bodies of the slice that was read, one measurement group each.

Promise: one segment and one TID 1411 group per body, tracked by the same UID; the segmentation lies in the slice's own frame
of reference. A body without a flag says "Not flagged", never that it is sound; a body is numbered from the lowest one found,
because no level could be named. Only made when the site switched assistance on (results.md 0.7).
"""

from __future__ import annotations

import highdicom as hd
import numpy as np
from highdicom import seg, sr
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage, SegmentationStorage

from triage.domain.finding import TriageOutcome, VertebraFinding
from triage.domain.own_results import MANUFACTURER
from workers.report import codes, equipment
from workers.report.case import Case, comment
from workers.report.document import add_caution, add_comment, certainty, document
from workers.report.outline import clipped_outline, rasterise
from workers.report.segmentation import make_deterministic
from workers.report.source import Radiograph
from workers.report.values import BuiltObject, Kind

Bodies = list[tuple[VertebraFinding, NDArray[np.uint8]]]
_DESCRIPTION = "AI vertebrae - not for clinical use"
# A body of neither kind gets no words: what is not flagged is not cleared.
_KIND_OF = {"old": " Pattern of an old fracture.", "fresh": " Pattern of a recent fracture."}


def is_mr(case: Case) -> bool:
    """Tell whether the vertebrae of the case were found on an MR slice."""
    found = case.request.outcome.vertebrae
    return bool(found) and case.images[found[0].sop_instance_uid].sop_class_uid == MRImageStorage


def mr_objects(case: Case) -> list[BuiltObject]:
    """Return the report of the bodies and their segmentation; nothing where no outline covers a pixel or the slice's
    place in the patient is not told whole: then the result stands in SR-A alone."""
    image = case.images[case.request.outcome.vertebrae[0].sop_instance_uid]
    bodies = [] if image.plane is None else _drawn(case, image)
    if not bodies:
        return []
    segmentation = _segmentation(case, image, bodies)
    groups = [
        _group(case, image, body, number, segmentation.sop_instance_uid)
        for number, (body, _) in enumerate(bodies, start=1)
    ]
    named = _named(case, image, segmentation)
    return [document(case, Kind.LOCALISED_REPORT, 2, groups, also=[named]), segmentation]


def _drawn(case: Case, image: Radiograph) -> Bodies:
    """Head first; where two outlines overlap, the pixel is the upper body's."""
    taken = np.zeros((image.rows, image.columns), bool)
    drawn: Bodies = []
    for body in case.request.outcome.vertebrae:
        outline = clipped_outline(image, body)
        if body.sop_instance_uid != image.sop_instance_uid or outline is None:
            continue
        mask = rasterise(outline, image.rows, image.columns).astype(bool) & ~taken
        if mask.any():
            taken |= mask
            drawn.append((body, mask.astype(np.uint8)))
    return drawn


def _flagged(case: Case, body: VertebraFinding) -> bool:
    if case.request.outcome.triage.outcome is not TriageOutcome.FLAGGED:
        return False
    return any(body in bodies for bodies in case.flagged().values())


def _tracking(case: Case, image: Radiograph, body: VertebraFinding) -> str:
    return case.names.tracking("vertebra", image.sop_instance_uid, body.place)


def _segmentation(case: Case, image: Radiograph, bodies: Bodies) -> BuiltObject:
    labels = np.zeros((1, image.rows, image.columns), np.uint8)
    for number, (_, mask) in enumerate(bodies, start=1):
        labels[0][mask.astype(bool)] = number
    built = seg.Segmentation(
        source_images=[image.stand_in()],
        pixel_array=labels,
        segmentation_type=seg.SegmentationTypeValues.BINARY,
        segment_descriptions=[
            _description(case, image, body, number) for number, (body, _) in enumerate(bodies, start=1)
        ],
        content_label="VERTEBRAE",
        content_description="Vertebral bodies found. Not for diagnosis.",
        content_creator_name="SpineTriage^AI",
        series_description=_DESCRIPTION,
        content_date=case.stamp.date,
        content_time=case.stamp.time,
        series_date=case.stamp.date,
        series_time=case.stamp.time,
        **case.arguments(Kind.SEGMENTATION, "SEG", 1, image.sop_instance_uid),
    )
    make_deterministic(built, case)
    built.BodyPartExamined = image.body_part
    return case.finish(Kind.SEGMENTATION, built, image)


def _description(case: Case, image: Radiograph, body: VertebraFinding, number: int) -> seg.SegmentDescription:
    model = equipment.flag_model(case.models)
    made_by = equipment.product(case.models) if model is None else equipment.device(model)
    return seg.SegmentDescription(
        segment_number=number,
        segment_label=body.place,
        segmented_property_category=codes.ANATOMICAL_STRUCTURE,
        segmented_property_type=codes.vertebra(body.level),
        algorithm_type=seg.SegmentAlgorithmTypeValues.AUTOMATIC,
        algorithm_identification=hd.AlgorithmIdentificationSequence(
            name=made_by.name, family=codes.ARTIFICIAL_INTELLIGENCE, version=made_by.version, source=MANUFACTURER
        ),
        tracking_id=body.place,
        tracking_uid=_tracking(case, image, body),
    )  # fmt: skip


def _group(
    case: Case, image: Radiograph, body: VertebraFinding, number: int, segmentation_uid: str
) -> sr.VolumetricROIMeasurementsAndQualitativeEvaluations:
    flagged = _flagged(case, body)
    answers = [sr.QualitativeEvaluation(codes.TRIAGE_FLAG, codes.FLAGGED if flagged else codes.NOT_FLAGGED)]
    if flagged:
        answers.append(sr.QualitativeEvaluation(codes.CLINICAL_COURSE, codes.ACUTE_ONSET))
    group = sr.VolumetricROIMeasurementsAndQualitativeEvaluations(
        tracking_identifier=sr.TrackingIdentifier(uid=_tracking(case, image, body), identifier=body.place),
        referenced_segment=sr.ReferencedSegment(
            SegmentationStorage,
            segmentation_uid,
            segment_number=number,
            source_images=[sr.SourceImageForSegmentation(image.sop_class_uid, image.sop_instance_uid)],
        ),
        # A Finding on a body that is not flagged would read as a fracture there.
        finding_type=codes.COMPRESSION_FRACTURE if flagged else None,
        finding_sites=[sr.FindingSite(codes.vertebra(body.level))],
        algorithm_id=equipment.algorithm(equipment.flag_model(case.models), case.models),
        measurements=[certainty(body.p_fresh)],
        qualitative_evaluations=answers,
    )
    # What the study's answer does not flag gets no words of a recent fracture either.
    pattern = "" if body.label == "fresh" and not flagged else _KIND_OF.get(body.label, "")
    add_comment(
        group,
        comment(
            f"Number {body.counted} of {len(case.request.outcome.vertebrae)} from the lowest body found; level not "
            f"named.{pattern}"
        ),
    )
    add_caution(group, case)
    return group


def _named(case: Case, image: Radiograph, segmentation: BuiltObject) -> Dataset:
    """The segmentation as evidence: its identity and nothing else."""
    ds = image.stand_in()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.SOPClassUID, ds.SOPInstanceUID = SegmentationStorage, segmentation.sop_instance_uid
    ds.SeriesInstanceUID, ds.Modality = segmentation.series_instance_uid, "SEG"
    return ds
