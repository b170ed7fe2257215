"""Decode: from a spooled Part 10 file to grey pixels with bone bright, in stored orientation, with their
geometry.

Promise: every transfer syntax in codecs.CODECS, exact where the encoding is lossless; sizes are judged
before memory is taken. Nothing here touches a database or the network, and nothing here runs outside the
disposable child.
Refuses (Unprocessable, with a reason and a sentence): what cannot be decoded faithfully; guessing is not
decoding.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from pydicom.dataset import Dataset

from triage.domain.errors import Unprocessable
from workers.decode import codecs, grey
from workers.decode.age import age_years
from workers.decode.frames import frame_bytes
from workers.decode.layout import layout_of, require_grey
from workers.decode.moment import taken_at
from workers.decode.part10 import Limits, read
from workers.decode.spacing import Spacing, spacing_of
from workers.decode.trouble import parsing, too_large
from workers.models.preprocess import GrayImage

__all__ = ["Limits", "Radiograph", "decode"]


@dataclass(frozen=True, slots=True)
class Radiograph:
    """One decoded frame. `header_view` is ViewPosition as sent: a hint, never a decision.

    `front` is the side of the image ("left" or "right") to which the patient faces by Patient Orientation, else None.
    `taken_at` is the header's wall clock of the acquisition, whose zone means nothing; `age_years` the patient's age then.
    """

    image: GrayImage
    spacing: Spacing | None
    header_view: str
    frames: int
    decoder: str
    front: Literal["left", "right"] | None = None
    taken_at: datetime | None = None
    age_years: float | None = None


def decode(path: Path, frame: int = 0, limits: Limits | None = None) -> Radiograph:
    """Return frame `frame` (from 0) at `path`; raises Unprocessable, or Unavailable when the spool fails."""
    with warnings.catch_warnings():
        # pydicom's warnings quote the data set; the values that matter here are checked again.
        warnings.simplefilter("ignore")
        try:
            return _decode(path, frame, limits or Limits())
        except MemoryError as error:
            # One film too large for what a study may hold must not take its siblings with it.
            raise too_large() from error


def _decode(path: Path, frame: int, limits: Limits) -> Radiograph:
    dataset = read(path, limits)
    layout = layout_of(dataset, limits)
    require_grey(layout)
    codec = codecs.codec_for(str(dataset.file_meta.TransferSyntaxUID))
    pixels = codecs.decode_frame(codec, frame_bytes(dataset, layout, frame), layout)
    stored = grey.stored_values(pixels, layout, codec.packed)
    bright = grey.bone_bright(grey.modality(dataset, stored), layout)
    values = grey.darkened(bright, grey.padding(dataset, stored))
    spacing = spacing_of(dataset)
    image = GrayImage(values, None if spacing is None else spacing.detector_mm, layout.stored)
    when = taken_at(dataset)
    told = (_front(dataset), when, age_years(dataset, when))
    return Radiograph(image, spacing, _view_position(dataset), layout.frames, codec.name, *told)


def _view_position(dataset: Dataset) -> str:
    with parsing("bad-image-header", "the view position cannot be read"):
        return str(dataset.get("ViewPosition", "") or "").strip().upper()[:16]


def _front(dataset: Dataset) -> Literal["left", "right"] | None:
    """Read Patient Orientation (0020,0020): its first value says where the rows lead to (PS3.3 C.7.6.1.1.1)."""
    try:
        with parsing("bad-image-header", "the patient orientation cannot be read"):
            given = dataset.get("PatientOrientation", None) or ("",)
            towards = str(given if isinstance(given, str) else given[0]).strip().upper()[:1]
    except Unprocessable:
        # An angle may need it; the flag does not, and must not be lost over it.
        return None
    if towards == "A":
        return "right"
    return "left" if towards == "P" else None
