"""Which instances may be analysed: a reason for every "no", and no leaning on tags that are often wrong."""

from __future__ import annotations

from dataclasses import replace

import pytest

from triage.domain.analysis import SPINE_MR_TRIAGE, SPINE_XR_TRIAGE
from triage.domain.eligibility import CandidateInstance, is_companion, judge, plan

CR = CandidateInstance("1.2", "1.2.840.10008.5.1.4.1.1.1", "CR", 1, 2000, 1000, own_result=False, problem="")


def test_a_radiograph_is_eligible() -> None:
    assert judge(CR).eligible
    assert plan([CR]).algorithms == (SPINE_XR_TRIAGE,)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"own_result": True}, "own-result"),
        ({"problem": "truncated"}, "header-problem"),
        ({"sop_class_uid": "1.2.840.10008.5.1.4.1.1.2", "modality": "CT"}, "not-a-radiograph"),
        ({"sop_class_uid": "1.2.840.10008.5.1.4.1.1.4.1", "modality": "MR"}, "enhanced-mr"),
        ({"frames": 12}, "multi-frame"),
        ({"rows": None}, "no-pixels"),
        ({"rows": 64}, "too-small"),
    ],
)
def test_every_no_has_its_reason_and_a_sentence(change: dict[str, object], reason: str) -> None:
    verdict = judge(replace(CR, **change))  # type: ignore[arg-type]  # the table names real fields
    assert (verdict.eligible, verdict.reason) == (False, reason)
    assert verdict.sentence


def test_one_radiograph_among_other_objects_is_enough() -> None:
    other = replace(CR, sop_instance_uid="1.3", sop_class_uid="1.2.840.10008.5.1.4.1.1.4")
    planned = plan([other, CR])
    assert planned.algorithms and [verdict.eligible for verdict in planned.verdicts] == [False, True]


def test_an_mr_study_has_an_algorithm_of_its_own_and_stands_back_behind_radiographs() -> None:
    slices = [
        replace(CR, sop_instance_uid=f"1.4.{n}", sop_class_uid="1.2.840.10008.5.1.4.1.1.4", modality="MR")
        for n in range(2)
    ]
    assert plan(slices).algorithms == (SPINE_MR_TRIAGE,)
    mixed = plan([*slices, CR])
    assert mixed.algorithms == (SPINE_XR_TRIAGE,)
    assert [verdict.reason for verdict in mixed.verdicts] == ["beside-radiographs", "beside-radiographs", ""]


def test_a_study_with_nothing_eligible_says_why() -> None:
    planned = plan([replace(CR, sop_class_uid="1.2.840.10008.5.1.4.1.1.2", modality="CT")])
    assert (planned.algorithms, planned.reason, planned.sentence) == (
        (),
        "not-a-radiograph",
        "no model for CT",
    )


def test_a_study_without_any_image_of_its_own_says_whose_identifiers_it_bears() -> None:
    assert plan([]).reason == "identifiers-in-use"
    assert plan([replace(CR, own_result=True)]).reason == "only-own-results"


def test_reports_and_presentations_accompany_images() -> None:
    assert is_companion("1.2.840.10008.5.1.4.1.1.88.59")
    assert is_companion("1.2.840.10008.5.1.4.1.1.66.4")
    assert not is_companion(CR.sop_class_uid)
