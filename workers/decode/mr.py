"""The header facts of one MR object, read without trust, within the bounds of part10.py and without its pixels: what the choice of a series looks at.

Promise: a value that cannot be parsed counts as absent. Nothing of the patient and no description is read.
Refuses (Unprocessable): a file whose header cannot be read at all.
"""

from __future__ import annotations

import math
import warnings
from pathlib import Path
from typing import Any

from pydicom.dataset import Dataset
from pydicom.tag import BaseTag, Tag

from triage.domain.mr_series import MrImage, Vector
from workers.decode.part10 import Limits, read
from workers.decode.trouble import PARSER_TROUBLE, parsing

_KEYWORDS = (
    "SOPClassUID", "SOPInstanceUID", "SeriesInstanceUID", "Rows", "Columns", "ImageOrientationPatient",
    "ImagePositionPatient", "PixelSpacing", "RepetitionTime", "EchoTime", "InversionTime", "DiffusionBValue",
    "ScanningSequence", "ScanOptions", "ImageType", "ContrastBolusAgent",
)  # fmt: skip
_READ: list[BaseTag | int] = [Tag(keyword) for keyword in _KEYWORDS]


def mr_image(path: Path) -> MrImage:
    """Return the facts of the object at `path`; raises Unprocessable."""
    with warnings.catch_warnings(), parsing("unreadable", "the header of an MR image cannot be read"):
        # pydicom's warnings quote the data set.
        warnings.simplefilter("ignore")
        return _facts(read(path, Limits(), _READ))


def _facts(dataset: Dataset) -> MrImage:
    orientation = _numbers(dataset, "ImageOrientationPatient", 6)
    spacing = _numbers(dataset, "PixelSpacing", 2)
    return MrImage(
        sop_instance_uid=_text(dataset, "SOPInstanceUID"),
        series_instance_uid=_text(dataset, "SeriesInstanceUID"),
        sop_class_uid=_text(dataset, "SOPClassUID"),
        rows=int(_number(dataset, "Rows") or 0),
        columns=int(_number(dataset, "Columns") or 0),
        along_row=_vector(orientation[:3]),
        along_column=_vector(orientation[3:]),
        position=_vector(_numbers(dataset, "ImagePositionPatient", 3)),
        spacing=(spacing[0], spacing[1]) if len(spacing) == 2 and min(spacing) > 0 else None,
        repetition=_number(dataset, "RepetitionTime"),
        echo=_number(dataset, "EchoTime"),
        inversion=_number(dataset, "InversionTime"),
        b_value=_number(dataset, "DiffusionBValue"),
        scanning=_words(dataset, "ScanningSequence"),
        options=_words(dataset, "ScanOptions"),
        image_type=_words(dataset, "ImageType"),
        contrast=bool(_text(dataset, "ContrastBolusAgent")),
    )


def _value(dataset: Dataset, keyword: str) -> Any:
    try:
        return dataset.get(keyword)
    except PARSER_TROUBLE:
        return None


def _text(dataset: Dataset, keyword: str) -> str:
    value = _value(dataset, keyword)
    return str(value).strip() if value is not None else ""


def _words(dataset: Dataset, keyword: str) -> tuple[str, ...]:
    value = _value(dataset, keyword)
    if value is None or value == "":
        return ()
    return (value,) if isinstance(value, str) else tuple(str(word) for word in value)


def _number(dataset: Dataset, keyword: str) -> float | None:
    try:
        number = float(_value(dataset, keyword))
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None


def _numbers(dataset: Dataset, keyword: str, count: int) -> tuple[float, ...]:
    value = _value(dataset, keyword)
    try:
        numbers = tuple(float(one) for one in value)
    except (TypeError, ValueError):
        return ()
    return numbers if len(numbers) == count and all(math.isfinite(one) for one in numbers) else ()


def _vector(numbers: tuple[float, ...]) -> Vector | None:
    return (numbers[0], numbers[1], numbers[2]) if len(numbers) == 3 else None
