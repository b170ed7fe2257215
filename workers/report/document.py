"""Hop 9, the document: the frame of both reports (TID 1500): observer, procedure, image library, groups.

Promise: PRELIMINARY and UNVERIFIED always; the evidence lists every image of the case and nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence

from highdicom import sr
from pydicom.dataset import Dataset

from workers.report import codes, equipment
from workers.report.case import Case
from workers.report.library import image_library
from workers.report.source import Radiograph
from workers.report.values import BuiltObject, Kind

Group = (
    sr.MeasurementsAndQualitativeEvaluations
    | sr.PlanarROIMeasurementsAndQualitativeEvaluations
    | sr.VolumetricROIMeasurementsAndQualitativeEvaluations
)

_CONTAINS = sr.RelationshipTypeValues.CONTAINS
_SYNTHETIC = "Model trained on synthetic phantoms. Not for clinical use."
_IMAGING_MEASUREMENTS = "126010"
# One for both reports: they share a series, and dcentvfy compares its attributes.
_DESCRIPTION = "AI spine triage - not for clinical use"


def add_comment(group: Group, text: str) -> None:
    """Append a TEXT (121106, DCM, "Comment") to a group."""
    item = sr.TextContentItem(name=codes.COMMENT, value=text, relationship_type=_CONTAINS)
    group[0].ContentSequence.append(item)


def add_caution(group: Group, case: Case) -> None:
    """Append what a reader must know of the models before reading on."""
    synthetic = any("synthetic" in model.data_origin.lower() for model in case.models)
    add_comment(group, _SYNTHETIC if synthetic else "Not for clinical use.")


def certainty(probability: float) -> sr.Measurement:
    """Return NUM (111012, DCM, "Certainty of Finding") in percent with one decimal."""
    return sr.Measurement(codes.CERTAINTY, round(probability * 100, 1), codes.PERCENT)


def source_image(image: Radiograph) -> sr.SourceImageForMeasurementGroup:
    """Return the reference that says which image a group was made from."""
    return sr.SourceImageForMeasurementGroup(image.sop_class_uid, image.sop_instance_uid)


def document(
    case: Case,
    kind: Kind,
    number: int,
    groups: Sequence[Group],
    predecessors: Sequence[Dataset] = (),
    also: Sequence[Dataset] = (),
) -> BuiltObject:
    """Return a Comprehensive 3D SR that holds these groups; `also` is evidence beside the images of the case."""
    images = list(case.images.values())
    report = sr.MeasurementReport(
        observation_context=equipment.observation_context(case.models),
        procedure_reported=codes.IMAGING_PROCEDURE,
        imaging_measurements=groups,
        title=codes.REPORT_TITLE,
        language_of_content_item_and_descendants=sr.LanguageOfContentItemAndDescendants(codes.ENGLISH),
    )
    _insert_library(report, images)
    built = sr.Comprehensive3DSR(
        evidence=[*(image.stand_in() for image in images), *also],
        content=report,
        is_complete=True,
        is_final=False,
        is_verified=False,
        series_description=_DESCRIPTION,
        previous_versions=list(predecessors) or None,
        content_date=case.stamp.date,
        content_time=case.stamp.time,
        series_date=case.stamp.date,
        series_time=case.stamp.time,
        **case.arguments(kind, "SR", number),
    )
    built.CodingSchemeIdentificationSequence = [codes.local_scheme()]
    return case.finish(kind, built, case.first)


def _insert_library(report: sr.MeasurementReport, images: Sequence[Radiograph]) -> None:
    # TID 1500 orders its rows: the library stands before the measurements.
    rows = list(report[0].ContentSequence)
    place = next(
        index
        for index, row in enumerate(rows)
        if row.ValueType == "CONTAINER" and row.ConceptNameCodeSequence[0].CodeValue == _IMAGING_MEASUREMENTS
    )
    report[0].ContentSequence.insert(place, image_library(images))
