"""The curve pattern group of SR-A: both images named, flagged or not or undetermined, its score under assistance alone."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydicom.dataset import Dataset

from tests import pattern_cast as pairs
from tests import report_cast as cast
from triage.domain.finding import Outcome, TriageOutcome
from workers.report import Mode, build

TARGET, FLAG, CERTAINTY, COMMENT = "TRIAGE-TARGET", "TRIAGE-FLAG", "111012", "121106"


@pytest.fixture
def sources(tmp_path: Path) -> cast.Sources:
    return cast.Sources(tmp_path)


def group(outcome: Outcome, sources: cast.Sources, mode: Mode = Mode.TRIAGE) -> Dataset:
    return cast.group(cast.read(build(cast.request(outcome, mode), sources.files)[0]), "Curve pattern")


def referenced(found: Dataset) -> list[str]:
    return [
        str(item.ReferencedSOPSequence[0].ReferencedSOPInstanceUID)
        for item in found.ContentSequence
        if item.ValueType == "IMAGE"
    ]


@pytest.mark.parametrize(
    ("outcome", "flag"), [(TriageOutcome.FLAGGED, "FLAGGED"), (TriageOutcome.NOT_FLAGGED, "NOT-FLAGGED")]
)
def test_an_answer_names_both_images_its_model_and_what_was_looked_for(
    sources: cast.Sources, outcome: TriageOutcome, flag: str
) -> None:
    frontal, lateral = sources.add("ap"), sources.add("lateral")
    found = group(pairs.patterned(frontal, lateral, outcome), sources)
    assert referenced(found) == [frontal, lateral]
    assert (cast.values(found, TARGET), cast.values(found, FLAG)) == (["ATYPICAL-CURVE"], [flag])
    assert cast.values(found, "111001") == ["pair-pattern"] and cast.values(found, "111003") == ["1.0.0"]
    assert "threshold=0.3" in cast.values(found, "111002")
    said = " ".join(cast.values(found, COMMENT))
    assert "synthetic phantoms" in said and "Not for clinical use" in said


def test_the_probability_is_written_under_assistance_alone(sources: cast.Sources) -> None:
    outcome = pairs.patterned(sources.add("ap"), sources.add("lateral"))
    assert cast.values(group(outcome, sources, Mode.TRIAGE), CERTAINTY) == []
    (percent,) = cast.values(group(outcome, sources, Mode.ASSIST), CERTAINTY)
    assert float(percent) == 87.0


def test_a_study_without_a_pair_says_why_and_is_undetermined(sources: cast.Sources) -> None:
    lateral = sources.add("lateral")
    found = group(pairs.unpaired(lateral), sources, Mode.ASSIST)
    assert (referenced(found), cast.values(found, FLAG)) == ([lateral], ["373068000"])
    assert cast.values(found, CERTAINTY) == []
    assert any("NO_FRONTAL" in text for text in cast.values(found, COMMENT))


def test_the_same_answer_gives_the_same_bytes(sources: cast.Sources) -> None:
    outcome = pairs.patterned(sources.add("ap"), sources.add("lateral"))
    first, second = (build(cast.request(outcome), sources.files)[0] for _ in range(2))
    assert first.payload == second.payload


def test_a_site_without_the_bundle_has_no_such_group(sources: cast.Sources) -> None:
    uid = sources.add("lateral")
    report = cast.read(build(cast.request(cast.outcome((cast.lateral(uid),))), sources.files)[0])
    assert not [one for one in cast.groups(report) if cast.values(one, "112039") == ["Curve pattern"]]
