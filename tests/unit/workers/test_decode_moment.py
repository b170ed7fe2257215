"""When a frame was taken, and how old the patient was, by headers of every kind."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from pydicom.dataset import Dataset

from workers.decode.age import age_years
from workers.decode.moment import taken_at

AT = datetime(2026, 11, 20, 9, 30, 5, tzinfo=UTC)


def dataset(**values: str) -> Dataset:
    made = Dataset()
    for keyword, value in values.items():
        setattr(made, keyword, value)
    return made


@pytest.mark.parametrize(
    "header",
    [
        dataset(AcquisitionDateTime="20261120093005.250000+0100"),
        dataset(
            AcquisitionDate="20261120", AcquisitionTime="093005.5", ContentDate="20200101", ContentTime="01"
        ),
        dataset(AcquisitionDate="20261120", ContentDate="20261120", ContentTime="093005"),
    ],
)
def test_the_acquisition_goes_before_the_content(header: Dataset) -> None:
    assert taken_at(header) == AT


@pytest.mark.parametrize(
    "header",
    [dataset(), dataset(AcquisitionDate="20261120"), dataset(ContentDate="20261340", ContentTime="093005")],
)
def test_what_is_no_date_with_a_time_is_none(header: Dataset) -> None:
    assert taken_at(header) is None


@pytest.mark.parametrize(
    ("header", "years"),
    [
        (dataset(PatientBirthDate="20121120", StudyDate="20261120", PatientAge="099Y"), 14),
        (dataset(PatientAge="013Y"), 13),
        (dataset(PatientAge="018M", PatientBirthDate=""), 1.5),
        (dataset(PatientBirthDate="20121120"), None),
        (dataset(PatientBirthDate="20301120", StudyDate="20261120"), None),
        (dataset(PatientAge="14"), None),
        (dataset(), None),
    ],
)
def test_the_age_is_told_by_the_birth_date_else_by_the_age(header: Dataset, years: float | None) -> None:
    assert age_years(header, None) == (None if years is None else pytest.approx(years, abs=0.02))
    if years == 14:
        assert age_years(header, AT.replace(year=2020)) == pytest.approx(8, abs=0.02)
