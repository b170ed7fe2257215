"""SR-A says what was answered, why, and by what; it never says that nothing is there."""

from __future__ import annotations

import highdicom as hd
import pytest
from pydicom.dataset import Dataset

from tests import report_cast as cast
from triage.domain.errors import Unprocessable
from triage.domain.finding import NotAnalysedImage, TriageOutcome
from workers.report import Kind, Mode, Predecessor, build

ABSENT = "272519000"
CERTAINTY, FLAG, COMMENT, VIEW = "111012", "TRIAGE-FLAG", "121106", "111031"


@pytest.mark.parametrize(
    ("flag", "expected"),
    [
        (TriageOutcome.FLAGGED, "FLAGGED"),
        (TriageOutcome.NOT_FLAGGED, "NOT-FLAGGED"),
        (TriageOutcome.ABSTAINED, "373068000"),
    ],
)
@pytest.mark.parametrize("mode", list(Mode))
def test_every_answer_is_written_and_none_says_absent(
    sources: cast.Sources, flag: TriageOutcome, expected: str, mode: Mode
) -> None:
    uid = sources.add("one")
    built = build(cast.request(cast.outcome((cast.lateral(uid),), flag=flag), mode), sources.files)
    triage = cast.group(cast.read(built[0]), "Study triage")
    assert cast.values(triage, FLAG) == [expected]
    assert cast.values(triage, "TRIAGE-TARGET") == ["42942008"]
    assert cast.values(triage, "121071") == []
    assert cast.values(triage, "260870009") == (["25876001"] if flag is TriageOutcome.FLAGGED else [])
    for one in built:
        assert ABSENT.encode() not in one.payload
        assert b"negative" not in one.payload.lower()


def test_an_abstention_says_why_in_the_report(sources: cast.Sources) -> None:
    uid = sources.add("one")
    outcome = cast.outcome((cast.abstained(uid),), flag=TriageOutcome.ABSTAINED)
    report = cast.read(build(cast.request(outcome), sources.files)[0])
    view, triage = cast.group(report, "View classification"), cast.group(report, "Study triage")
    assert cast.values(view, VIEW) == ["373068000"]
    assert cast.values(view, CERTAINTY) == cast.values(triage, CERTAINTY) == []
    assert "Undetermined (outside-training): Unlike the training images." in cast.values(view, COMMENT)
    assert "Undetermined (no-lateral): No lateral spine radiograph to look at." in cast.values(
        triage, COMMENT
    )


def test_the_score_of_the_flag_is_written_only_in_assist_mode(sources: cast.Sources) -> None:
    uid = sources.add("one")
    scores = {}
    for mode in Mode:
        report = cast.read(build(cast.flagged_request(uid, mode), sources.files)[0])
        scores[mode] = cast.values(cast.group(report, "Study triage"), CERTAINTY)
    assert scores == {Mode.TRIAGE: [], Mode.ASSIST: ["91.0"]}


def test_triage_mode_writes_no_place_at_all(sources: cast.Sources) -> None:
    built = build(cast.flagged_request(sources.add("one"), Mode.TRIAGE), sources.files)
    assert [one.kind for one in built] == [Kind.IMAGE_REPORT]
    assert b"SCOORD" not in built[0].payload


def test_each_analysed_image_has_its_view_with_the_model_that_saw_it(sources: cast.Sources) -> None:
    one, two = sources.add("one"), sources.add("two")
    request = cast.request(cast.outcome((cast.anteroposterior(one), cast.lateral(two))))
    report = cast.read(build(request, sources.files)[0])
    first, second, triage = cast.groups(report)
    assert cast.values(first, VIEW) == ["399348003"]
    assert cast.values(second, VIEW) == ["399067008"]
    assert cast.values(second, "126072") == ["262061000"]
    assert cast.values(first, "40388003") == [] and cast.values(second, "40388003") == ["52101004"]
    assert cast.values(first, "111001") == ["view-gate"]
    assert cast.values(triage, "111001") == ["vertebra-fresh"]
    assert cast.values(triage, "111002") == ["threshold=0.5", f"bundle sha256={'c' * 64}"]
    assert _sources_of(triage) == [two]


def _sources_of(group: Dataset) -> list[str]:
    images = [item for item in group.ContentSequence if item.ValueType == "IMAGE"]
    return [str(item.ReferencedSOPSequence[0].ReferencedSOPInstanceUID) for item in images]


def test_a_header_that_contradicts_the_pixels_is_put_on_record(sources: cast.Sources) -> None:
    uid = sources.add("one")
    report = cast.read(build(cast.request(cast.outcome((cast.lateral(uid),))), sources.files)[0])
    comments = cast.values(cast.group(report, "View classification"), COMMENT)
    assert "The image header states antero-posterior; the pixels show lateral." in comments


def test_every_group_says_that_the_model_saw_phantoms_only(sources: cast.Sources) -> None:
    uid = sources.add("one")
    caution = "Model trained on synthetic phantoms. Not for clinical use."
    for built in build(cast.flagged_request(uid), sources.files)[:2]:
        for group in cast.groups(cast.read(built)):
            assert cast.values(group, COMMENT)[-1] == caution


def test_the_report_is_preliminary_unverified_and_read_by_its_own_library(sources: cast.Sources) -> None:
    for built in build(cast.flagged_request(sources.add("one")), sources.files)[:2]:
        ds = cast.read(built)
        flags = (ds.CompletionFlag, ds.PreliminaryFlag, ds.VerificationFlag)
        assert flags == ("COMPLETE", "PRELIMINARY", "UNVERIFIED")
        again = hd.sr.Comprehensive3DSR.from_dataset(ds)
        assert isinstance(again.content, hd.sr.MeasurementReport)
        assert ds.CodingSchemeIdentificationSequence[0].CodingSchemeDesignator == "99SPINETRIAGE"


def test_the_image_library_lists_an_image_without_spacing_or_orientation(sources: cast.Sources) -> None:
    def bare(ds: Dataset) -> None:
        del ds.ImagerPixelSpacing
        del ds.PatientOrientation

    uid = sources.add("bare", edit=bare)
    report = cast.read(build(cast.request(cast.outcome((cast.lateral(uid),))), sources.files)[0])
    (library,) = [
        item for item in report.ContentSequence if item.ConceptNameCodeSequence[0].CodeValue == "111028"
    ]
    (entry,) = library.ContentSequence[0].ContentSequence
    assert entry.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == uid
    assert [item.ConceptNameCodeSequence[0].CodeValue for item in entry.ContentSequence] == [
        "121139",
        "110910",
        "110911",
    ]


def test_the_report_names_the_one_that_it_replaces(sources: cast.Sources) -> None:
    uid = sources.add("one")
    request = cast.request(
        cast.outcome((cast.lateral(uid),)), revision=2, predecessor=Predecessor("1.2.3", "1.2.4")
    )
    report = cast.read(build(request, sources.files)[0])
    series = report.PredecessorDocumentsSequence[0].ReferencedSeriesSequence[0]
    assert series.SeriesInstanceUID == "1.2.4"
    assert series.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == "1.2.3"


def test_evidence_and_references_name_the_input_images_and_nothing_else(sources: cast.Sources) -> None:
    one, two = sources.add("one"), sources.add("two")
    views = (cast.lateral(one), cast.anteroposterior(two))
    found = (cast.vertebra(one, "L1", 100.0, 100.0, 0.9),)
    built = build(cast.request(cast.outcome(views, found, TriageOutcome.FLAGGED)), sources.files)
    for ds in map(cast.read, built):
        named = {
            str(element.value) for element in ds.iterall() if element.keyword == "ReferencedSOPInstanceUID"
        }
        assert named <= {one, two}
        assert named


def test_an_image_that_could_not_be_analysed_is_named_with_its_reason(sources: cast.Sources) -> None:
    one, two = sources.add("one"), sources.add("two")
    missed = NotAnalysedImage(two, "undecodable", "The pixels could not be decoded.")
    report = cast.read(
        build(cast.request(cast.outcome((cast.lateral(one),), not_analysed=(missed,))), sources.files)[0]
    )
    assert f"Image {two} not analysed (undecodable): The pixels could not be decoded." in cast.values(
        cast.group(report, "Study triage"), COMMENT
    )


def test_a_study_without_any_image_to_refer_to_is_refused(sources: cast.Sources) -> None:
    missed = NotAnalysedImage("1.2.3", "undecodable", "The pixels could not be decoded.")
    with pytest.raises(Unprocessable) as refused:
        build(cast.request(cast.outcome((), not_analysed=(missed,))), sources.files)
    assert refused.value.reason == "no-source"
