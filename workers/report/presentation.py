"""Hop 9, GSPS: outlines and words over one flagged radiograph, in a layer of their own that a viewer can switch off.

Promise: every annotation names a layer that exists; greys stay as they were; pixels keep their shape. Only made
when the site switched assistance on.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from highdicom import pr
from highdicom.color import CIELabColor
from pydicom.dataset import Dataset

from triage.domain.finding import VertebraFinding
from workers.report import greyscale, wire
from workers.report.case import Case
from workers.report.outline import clipped_outline, clipped_point, vertebra_name
from workers.report.source import Radiograph
from workers.report.values import BuiltObject, Kind

LAYER = "AI_VCF"
_DESCRIPTION = "AI spine overlay - not for clinical use"
_AMBER = CIELabColor(75.0, 20.0, 70.0)


def presentation_state(
    case: Case, image: Radiograph, vertebrae: list[VertebraFinding], number: int
) -> BuiltObject | None:
    """Return the overlay of one image, or None when its grey values cannot be repeated."""
    greys = greyscale.pipeline(image)
    if greys is None or not image.monochrome or min(image.rows, image.columns) < 2:
        return None
    layer = pr.GraphicLayer(LAYER, 1, description="AI: suspected fresh fracture", display_color=_AMBER)
    built = pr.GrayscaleSoftcopyPresentationState(
        referenced_images=[image.stand_in()],
        content_label="AI_SPINE",
        content_description="AI spine overlay. Not for diagnosis.",
        graphic_annotations=[_annotation(case, image, layer, vertebrae)],
        graphic_layers=[layer],
        content_creator_name="SpineTriage^AI",
        presentation_lut_transformation=greyscale.presentation_lut(image),
        series_description=_DESCRIPTION,
        series_date=case.stamp.date,
        series_time=case.stamp.time,
        **case.arguments(Kind.PRESENTATION, "PR", number, image.sop_instance_uid),
    )
    built.update(greys)
    built.BodyPartExamined = image.body_part  # a paired or absent part would make Laterality type 2C
    _keep_pixel_shape(built.DisplayedAreaSelectionSequence[0], image)
    return case.finish(Kind.PRESENTATION, built, image)


def _keep_pixel_shape(area: Dataset, image: Radiograph) -> None:
    # highdicom writes 1\1 whatever the source says; pixels that are not square would show stretched.
    area.PresentationPixelAspectRatio = list(image.aspect_ratio)


def _annotation(
    case: Case, image: Radiograph, layer: pr.GraphicLayer, vertebrae: list[VertebraFinding]
) -> pr.GraphicAnnotation:
    graphics, texts = [], []
    for number, vertebra in enumerate(vertebrae, start=1):
        name = vertebra_name(vertebra, number)
        tracking: dict[str, Any] = {
            "tracking_id": f"Flagged {name}",
            "tracking_uid": case.names.tracking("vertebra", image.sop_instance_uid, name),
        }
        graphics.append(_graphic(image, vertebra, tracking))
        texts.append(_words(image, vertebra, name, tracking))
    return pr.GraphicAnnotation(
        referenced_images=[image.stand_in()],
        graphic_layer=layer,
        graphic_objects=graphics,
        text_objects=texts,
    )


def _graphic(image: Radiograph, vertebra: VertebraFinding, tracking: dict[str, Any]) -> pr.GraphicObject:
    outline = clipped_outline(image, vertebra)
    kind = pr.GraphicTypeValues.POINT if outline is None else pr.GraphicTypeValues.POLYLINE
    data = np.array([clipped_point(image, vertebra.centre)]) if outline is None else outline
    return pr.GraphicObject(kind, data, units=pr.AnnotationUnitsValues.PIXEL, **tracking)


def _words(
    image: Radiograph, vertebra: VertebraFinding, name: str, tracking: dict[str, Any]
) -> pr.TextObject:
    sentence = f"AI: suspected fresh fracture {name} {vertebra.p_fresh * 100:.0f}%"
    right = max((point[0] for point in vertebra.outline), default=vertebra.centre[0])
    # Kept off the very edge, where viewers clip the first letter.
    column, row = clipped_point(image, (right, vertebra.centre[1]))
    return pr.TextObject(
        f"{wire.plain(sentence)}\r\nNot for diagnosis",
        units=pr.AnnotationUnitsValues.PIXEL,
        anchor_point=(max(column, 1.0), max(row, 1.0)),
        **tracking,
    )
