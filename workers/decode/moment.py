"""When a frame was taken, by its header: a hint for telling exposures of one study apart.

Promise: never raises for what is written there; its wall clock counts as UTC, because only differences within a study matter.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

from pydicom.dataset import Dataset

from workers.decode.trouble import PARSER_TROUBLE

# Acquisition before content: PS3.3 C.7.6.1 says of the latter only that the pixel data creation started then.
KEPT = ("AcquisitionDateTime", "AcquisitionDate", "AcquisitionTime", "ContentDate", "ContentTime")
_MOMENT = re.compile(r"(\d{8})(\d{2})(\d{2})(\d{2})?")


def taken_at(dataset: Dataset) -> datetime | None:
    """Return the wall clock of the acquisition, else of the content; None where neither is a date with a time."""
    whole = _text(dataset, "AcquisitionDateTime")
    for told in (
        whole,
        *(_text(dataset, f"{of}Date") + _text(dataset, f"{of}Time") for of in ("Acquisition", "Content")),
    ):
        moment = _moment(told)
        if moment is not None:
            return moment
    return None


def _moment(told: str) -> datetime | None:
    found = _MOMENT.match(told)
    if found is None:
        return None
    day, hour, minute, second = found.groups()
    try:
        return datetime.strptime(f"{day}{hour}{minute}{second or '00'}", "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        return None


def _text(dataset: Dataset, keyword: str) -> str:
    try:
        return str(dataset.get(keyword, "") or "").strip()
    except PARSER_TROUBLE:
        return ""
