"""How old the patient was when the frame was taken, in years: what a network was trained on may end with childhood.

Promise: never raises for what is written there; the age alone leaves the header, never the birth date.
"""

from __future__ import annotations

import re
from datetime import date, datetime

from pydicom.dataset import Dataset

from workers.decode.trouble import PARSER_TROUBLE

KEPT = ("PatientAge", "PatientBirthDate", "StudyDate")
_AGE = re.compile(r"(\d{3})([DWMY])")
_PER_YEAR = {"D": 365.25, "W": 52.18, "M": 12.0, "Y": 1.0}
_OLDEST = 130.0


def age_years(dataset: Dataset, taken_at: datetime | None) -> float | None:
    """Return the age by birth date and the day of the image or study, else Patient's Age; None where neither says it."""
    born, day = _date(_text(dataset, "PatientBirthDate")), _date(_text(dataset, "StudyDate"))
    when = taken_at.date() if taken_at is not None else day
    if born is not None and when is not None:
        years = (when - born).days / _PER_YEAR["D"]
        return years if 0 <= years < _OLDEST else None
    told = _AGE.fullmatch(_text(dataset, "PatientAge"))
    return None if told is None else int(told[1]) / _PER_YEAR[told[2]]


def _date(told: str) -> date | None:
    try:
        return date.fromisoformat(f"{told[:4]}-{told[4:6]}-{told[6:8]}") if len(told) == 8 else None
    except ValueError:
        return None


def _text(dataset: Dataset, keyword: str) -> str:
    try:
        return str(dataset.get(keyword, "") or "").strip()
    except PARSER_TROUBLE:
        return ""
