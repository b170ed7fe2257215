"""Angles in words: with their doubt, or with the reason why there are none."""

from __future__ import annotations

from dataclasses import replace

from tests.measure_cast import angle, withheld
from triage.domain.angle import NAMES, said, told
from triage.domain.finding import MeasureKind


def test_every_angle_has_a_name() -> None:
    assert set(NAMES) == set(MeasureKind)


def test_two_curves_are_told_in_one_line_and_a_missing_angle_with_its_reason() -> None:
    found = (
        angle("1.2", MeasureKind.COBB, 42.4, ("T5", "T12"), "right"),
        angle("1.2", MeasureKind.COBB, 17.6, side="left"),
        withheld("1.3", MeasureKind.KYPHOSIS),
    )
    assert told(found) == {
        "Cobb angle": "42 degrees, give or take 2, T5 to T12, convex to the right of the image; "
        "18 degrees, give or take 2, convex to the left of the image",
        "Thoracic kyphosis": "Not measurable: the levels of the vertebrae are not known.",
    }


def test_no_angle_is_told_as_minus_nothing_nor_without_a_doubt() -> None:
    small = replace(angle("1.2", MeasureKind.LORDOSIS, -0.4), error=0.3)
    assert said(small).startswith("0 degrees, give or take 1")


def test_an_end_that_has_no_name_is_left_out() -> None:
    assert said(angle("1.2", MeasureKind.COBB, 42.4, (None, "T12"))) == "42 degrees, give or take 2"
