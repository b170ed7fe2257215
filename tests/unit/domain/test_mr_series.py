"""The sagittal T1-weighted series is told by its header's physics and geometry; every other one gets its reason."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from triage.domain.mr_series import MR, MrImage, choose, judge

SAGITTAL = MrImage(
    "1.1", "1.0", MR, 384, 256, (0.0, 1.0, 0.0), (0.0, 0.0, -1.0), (-20.0, -100.0, 150.0), (0.85, 0.85),
    550.0, 11.0, None, None, ("SE",), (), ("ORIGINAL", "PRIMARY", "OTHER"),
)  # fmt: skip


def stack(count: int = 11, step: float = 4.4, **change: Any) -> list[MrImage]:
    return [
        replace(
            SAGITTAL,
            sop_instance_uid=f"1.1.{place}",
            position=(-20.0 + step * place, -100.0, 150.0),
            **change,
        )
        for place in range(count)
    ]


def test_a_sagittal_t1_series_is_taken_in_the_order_of_its_slices() -> None:
    found = choose(reversed(stack()))
    assert found.chosen is not None and not found.others
    assert [image.sop_instance_uid for image in found.chosen.images] == [f"1.1.{n}" for n in range(11)]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"sop_class_uid": "1.2.840.10008.5.1.4.1.1.4.1"}, "enhanced"),
        ({"sop_class_uid": "1.2.840.10008.5.1.4.1.1.7"}, "not-mr"),
        ({"image_type": ("DERIVED", "PRIMARY", "MPR")}, "derived"),
        ({"image_type": ("ORIGINAL", "PRIMARY", "LOCALIZER")}, "derived"),
        ({"image_type": ("ORIGINAL", "PRIMARY", "WATER")}, "derived"),
        ({"b_value": 800.0}, "diffusion"),
        ({"contrast": True}, "contrast"),
        ({"inversion": 160.0}, "inversion-recovery"),
        ({"scanning": ("SE", "IR"), "repetition": 2000.0}, "inversion-recovery"),
        ({"scanning": ("GR",)}, "not-spin-echo"),
        ({"options": ("FS",)}, "fat-saturated"),
        ({"options": ("FS_GEMS",)}, "fat-saturated"),
        ({"image_type": ("ORIGINAL", "PRIMARY", "W", "W", "DERIVED")}, "derived"),
        ({"echo": None}, "no-times"),
        ({"repetition": 3500.0, "echo": 110.0}, "not-t1"),
        ({"repetition": 2800.0}, "not-t1"),
        ({"spacing": None}, "no-geometry"),
        ({"along_row": None}, "no-geometry"),
        ({"along_row": (0.0, 0.0, 0.0)}, "no-geometry"),
        ({"along_row": (1.0, 0.0, 0.0), "along_column": (0.0, 1.0, 0.0)}, "not-sagittal"),
        ({"along_row": (1.0, 0.0, 0.0), "along_column": (0.0, 0.0, -1.0)}, "not-sagittal"),
        ({"spacing": (2.0, 2.0)}, "too-coarse"),
        ({"rows": 128}, "too-short"),
    ],
)
def test_every_no_has_its_reason_and_a_sentence(change: dict[str, Any], reason: str) -> None:
    verdict = judge(stack(**change))
    assert (verdict.fits, verdict.reason) == (False, reason)
    assert verdict.sentence


def test_a_stack_must_be_one_volume_that_holds_the_middle() -> None:
    assert judge(stack(4)).reason == "too-few-slices"
    assert judge(stack(5, 2.0)).reason == "too-thin"
    assert judge(stack(8, 12.0)).reason == "uneven"
    gap = [image for place, image in enumerate(stack(12)) if place != 5]
    assert judge(gap).reason == "uneven"
    assert judge([*stack(), replace(stack()[3], sop_instance_uid="1.1.99")]).reason == "uneven"
    assert (
        judge([*stack(10), replace(stack()[9], rows=256, position=(24.0, -100.0, 150.0))]).reason == "uneven"
    )


def test_of_two_that_fit_the_longer_is_taken_and_the_other_is_told() -> None:
    longer = [
        replace(image, series_instance_uid="1.9", sop_instance_uid=f"9{image.sop_instance_uid}", rows=512)
        for image in stack()
    ]
    found = choose([*stack(), *longer])
    assert found.chosen is not None and found.chosen.series_instance_uid == "1.9"
    assert [one.reason for one in found.others] == ["another-series"]


def test_a_study_without_one_says_what_there_was_instead() -> None:
    found = choose(stack(repetition=3500.0, echo=110.0))
    assert found.chosen is None
    assert found.sentence == "no sagittal T1-weighted series: not T1-weighted (TR 3500 ms, TE 110 ms)"
    assert choose([]).sentence == "the study holds no MR series"


def test_an_oblique_stack_along_a_crooked_back_is_still_sagittal() -> None:
    tilted = stack(along_row=(0.3, 0.954, 0.0), along_column=(0.0, 0.0, -1.0))
    assert judge(tilted).reason != "not-sagittal"
    coronal = stack(along_row=(0.6, 0.8, 0.0), along_column=(0.0, 0.0, -1.0))
    assert judge(coronal).reason == "not-sagittal"
