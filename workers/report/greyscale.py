"""Hop 9, grey values: the source's own display pipeline, repeated in the presentation state (PS3.4 N.2).

Promise: a viewer that applies our presentation state shows the greys it showed before: modality LUT or rescale,
window or VOI LUT, and INVERSE for MONOCHROME1, which highdicom writes as IDENTITY (the image would show inverted,
and no validator says so). Returns None for a pipeline that cannot be repeated: then there is no overlay.
"""

from __future__ import annotations

import re

import numpy as np
from highdicom import PresentationLUTShapeValues, PresentationLUTTransformation
from pydicom.dataset import Dataset
from pydicom.tag import BaseTag

from workers.report import header, wire
from workers.report.source import Radiograph

_VOI_FUNCTIONS = frozenset({"LINEAR", "LINEAR_EXACT", "SIGMOID"})
_UNSPECIFIED = "US"


def presentation_lut(image: Radiograph) -> PresentationLUTTransformation:
    """Return the shape that keeps the image's polarity."""
    shape = PresentationLUTShapeValues.INVERSE if image.inverted else PresentationLUTShapeValues.IDENTITY
    return PresentationLUTTransformation(presentation_lut_shape=shape)


def pipeline(image: Radiograph) -> Dataset | None:
    """Return the Modality LUT and Softcopy VOI LUT attributes of the image, or None when they cannot be repeated."""
    modality = _modality(image.header)
    voi = _voi(image.header)
    if modality is None or voi is None:
        return None
    modality.update(voi)
    return modality


def _modality(source: Dataset) -> Dataset | None:
    found = Dataset()
    if header.tag("ModalityLUTSequence") in source:
        item = _lut_item(source, "ModalityLUTSequence")
        if item is None:
            return None
        item.ModalityLUTType = _lut_type(header.items(source, "ModalityLUTSequence")[0], "ModalityLUTType")
        found.ModalityLUTSequence = [item]
        return found
    slope, intercept = header.numbers(source, "RescaleSlope"), header.numbers(source, "RescaleIntercept")
    # Both or neither (results.md 5.9); a slope of zero maps every pixel to one grey and is no transformation.
    if len(slope) == 1 and len(intercept) == 1 and slope[0] != 0:
        found.RescaleIntercept, found.RescaleSlope = _decimal(intercept[0]), _decimal(slope[0])
        found.RescaleType = _lut_type(source, "RescaleType")
    return found


def _voi(source: Dataset) -> Dataset | None:
    item = Dataset()
    centre, width = header.numbers(source, "WindowCenter"), header.numbers(source, "WindowWidth")
    function = header.text(source, "VOILUTFunction")
    function = function if function in _VOI_FUNCTIONS else "LINEAR"
    least = 1.0 if function == "LINEAR" else 1e-9
    if header.tag("VOILUTSequence") in source:
        lut = _lut_item(source, "VOILUTSequence")
        if lut is None:
            return None
        item.VOILUTSequence = [lut]
    elif centre and len(centre) == len(width) and width[0] >= least:
        # The first pair is the one a viewer shows first (PS3.3 C.11.2.1.2).
        item.WindowCenter, item.WindowWidth = _decimal(centre[0]), _decimal(width[0])
        item.VOILUTFunction = function
    else:
        return Dataset()
    found = Dataset()
    found.SoftcopyVOILUTSequence = [item]
    return found


def _lut_item(source: Dataset, keyword: str) -> Dataset | None:
    """Return the first LUT of a sequence with its descriptor and data, or None when it is not consistent."""
    items = header.items(source, keyword)
    descriptor = _words(items[0], "LUTDescriptor") if items else None
    data = _words(items[0], "LUTData") if items else None
    if descriptor is None or data is None or descriptor.size != 3:
        return None
    entries = int(descriptor[0]) or 1 << 16
    if data.size != entries or not 8 <= int(descriptor[2]) <= 16:
        return None
    signed = header.unsigned(source, "PixelRepresentation") == 1 and keyword == "ModalityLUTSequence"
    item = Dataset()
    values = descriptor.view(np.int16) if signed else descriptor
    item.add_new(header.tag("LUTDescriptor"), "SS" if signed else "US", [int(value) for value in values])
    item.add_new(header.tag("LUTData"), "OW", data.astype("<u2").tobytes())
    return item


def _words(item: Dataset, keyword: str) -> np.ndarray[tuple[int], np.dtype[np.uint16]] | None:
    element = item.get_item(BaseTag(header.tag(keyword)))
    value = None if element is None else element.value
    if not isinstance(value, bytes) or not value or len(value) % 2:
        return None
    order = "<u2" if getattr(element, "is_little_endian", True) else ">u2"
    return np.frombuffer(value, dtype=order).astype(np.uint16)


def _lut_type(source: Dataset, keyword: str) -> str:
    stated = wire.plain(header.text(source, keyword), 16)
    return stated if re.fullmatch(r"[A-Z0-9_ ]+", stated) else _UNSPECIFIED


def _decimal(value: float) -> str:
    """Return `value` as a DS of at most 16 characters."""
    return f"{value:.9g}"
