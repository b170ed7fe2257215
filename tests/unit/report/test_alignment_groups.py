"""The alignment groups of SR-A: degrees, or a measurement failure with its reason; endplates under assistance alone."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydicom.dataset import Dataset

from tests import measure_cast as measures
from tests import report_cast as cast
from triage.domain.finding import Outcome
from workers.report import Mode, build

COBB, KYPHOSIS, LORDOSIS = "285285000", "RDE270", "RDE271"
MEASUREMENT_FAILURE = "114006"


@pytest.fixture
def sources(tmp_path: Path) -> cast.Sources:
    return cast.Sources(tmp_path)


def alignment(outcome: Outcome, sources: cast.Sources, mode: Mode) -> list[Dataset]:
    report = cast.read(build(cast.request(outcome, mode), sources.files)[0])
    return [group for group in cast.groups(report) if cast.values(group, "112039") == ["Alignment"]]


def numbers(group: Dataset, code: str) -> list[Dataset]:
    return [
        item
        for item in group.ContentSequence
        if item.ValueType == "NUM" and item.ConceptNameCodeSequence[0].CodeValue == code
    ]


def nested(item: Dataset, value_type: str) -> list[Dataset]:
    return [inner for inner in item.get("ContentSequence", []) if inner.ValueType == value_type]


@pytest.mark.parametrize("mode", list(Mode))
def test_each_angle_is_a_number_of_degrees_with_its_site(sources: cast.Sources, mode: Mode) -> None:
    frontal, lateral = sources.add("ap"), sources.add("lateral")
    first, second = alignment(measures.measured(frontal, lateral), sources, mode)
    curves = numbers(first, COBB)
    assert [float(item.MeasuredValueSequence[0].NumericValue) for item in curves] == [42.5, 18.0]
    assert {item.MeasuredValueSequence[0].MeasurementUnitsCodeSequence[0].CodeValue for item in curves} == {
        "deg"
    }
    sites = [[code.ConceptCodeSequence[0].CodeMeaning for code in nested(item, "CODE")] for item in curves]
    assert sites == [["T5 vertebra", "T12 vertebra"], ["Spine"]]
    (kyphosis,) = numbers(second, KYPHOSIS)
    assert float(kyphosis.MeasuredValueSequence[0].NumericValue) == 38.4
    texts = " ".join(cast.values(first, "121106"))
    assert "convex to the right of the image" in texts and "one standard deviation 2.1 degrees" in texts
    assert "Not for clinical use" in texts


def test_an_angle_that_was_withheld_has_no_number_and_says_why(sources: cast.Sources) -> None:
    frontal, lateral = sources.add("ap"), sources.add("lateral")
    _, second = alignment(measures.measured(frontal, lateral), sources, Mode.ASSIST)
    assert numbers(second, LORDOSIS) == []
    assert cast.values(second, LORDOSIS) == [MEASUREMENT_FAILURE]
    assert any("LEVELS_UNKNOWN" in text for text in cast.values(second, "121106"))
    (alone,) = alignment(measures.unmeasurable(frontal), sources, Mode.TRIAGE)
    assert (numbers(alone, COBB), cast.values(alone, COBB)) == ([], [MEASUREMENT_FAILURE])


def test_endplates_are_drawn_only_where_the_site_is_assisted(sources: cast.Sources) -> None:
    outcome = measures.measured(sources.add("ap"), sources.add("lateral"))
    for mode, arms in ((Mode.TRIAGE, 0), (Mode.ASSIST, 2)):
        first, _ = alignment(outcome, sources, mode)
        drawn = nested(numbers(first, COBB)[0], "SCOORD")
        assert len(drawn) == arms
        for arm, expected in zip(drawn, (measures.UPPER, measures.LOWER), strict=False):
            assert arm.GraphicType == "POLYLINE"
            assert arm.ConceptNameCodeSequence[0].CodeMeaning == "Arm of angle"
            assert list(arm.GraphicData) == [value for point in expected for value in point]


def test_a_study_without_measures_has_no_alignment_group(sources: cast.Sources) -> None:
    uid = sources.add("ap")
    assert alignment(cast.outcome((cast.anteroposterior(uid),)), sources, Mode.ASSIST) == []
