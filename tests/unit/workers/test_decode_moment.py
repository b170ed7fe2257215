"""When a frame was taken, by headers of every kind."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from pydicom.dataset import Dataset

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
