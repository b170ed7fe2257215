"""Hop 9, the image library (TID 1600-1603): the images a report looked at, with what is known of each.

Promise: an image without orientation or spacing is listed without them. highdicom's own library dereferences
both and raises (results.md 5.9).
"""

from __future__ import annotations

from collections.abc import Sequence

from highdicom import sr
from pydicom.sr.coding import Code

from workers.report import codes
from workers.report.source import Radiograph

_ACQUISITION = sr.RelationshipTypeValues.HAS_ACQ_CONTEXT
_CONTAINS = sr.RelationshipTypeValues.CONTAINS


def image_library(images: Sequence[Radiograph]) -> sr.ContainerContentItem:
    """Return the Image Library container of these images, all in one group."""
    group = sr.ContainerContentItem(name=codes.IMAGE_LIBRARY_GROUP, relationship_type=_CONTAINS)
    group.ContentSequence = sr.ContentSequence([_entry(image) for image in images])
    library = sr.ContainerContentItem(name=codes.IMAGE_LIBRARY, relationship_type=_CONTAINS)
    library.ContentSequence = sr.ContentSequence([group])
    return library


def _entry(image: Radiograph) -> sr.ImageContentItem:
    entry = sr.ImageContentItem(
        name=codes.SOURCE,
        referenced_sop_class_uid=image.sop_class_uid,
        referenced_sop_instance_uid=image.sop_instance_uid,
        relationship_type=_CONTAINS,
    )
    entry.ContentSequence = sr.ContentSequence(_descriptors(image))
    return entry


def _descriptors(image: Radiograph) -> list[sr.ContentItem]:
    modality = codes.MODALITY_OF.get(image.sop_class_uid, codes.OTHER_MODALITY)
    found: list[sr.ContentItem] = [
        sr.CodeContentItem(name=codes.MODALITY, value=modality, relationship_type=_ACQUISITION),
        _number(codes.ROWS, image.rows, codes.PIXELS),
        _number(codes.COLUMNS, image.columns, codes.PIXELS),
    ]
    if image.orientation is not None:
        found += [
            _text(codes.ORIENTATION_ROW, image.orientation[0]),
            _text(codes.ORIENTATION_COLUMN, image.orientation[1]),
        ]
    if image.orientation is not None and image.imager_spacing is not None:
        found += [
            _number(codes.HORIZONTAL_SPACING, round(image.imager_spacing[1], 6), codes.MILLIMETRE),
            _number(codes.VERTICAL_SPACING, round(image.imager_spacing[0], 6), codes.MILLIMETRE),
        ]
    return found


def _number(name: Code, value: float, unit: Code) -> sr.NumContentItem:
    return sr.NumContentItem(name=name, value=value, unit=unit, relationship_type=_ACQUISITION)


def _text(name: Code, value: str) -> sr.TextContentItem:
    return sr.TextContentItem(name=name, value=value, relationship_type=_ACQUISITION)
