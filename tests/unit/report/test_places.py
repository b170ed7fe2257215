"""SR-B and SEG point at the pixels that the model pointed at, and at nothing outside the image."""

from __future__ import annotations

import dataclasses
import math
from itertools import pairwise

import highdicom as hd
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import Dataset

from tests import report_cast as cast
from triage.domain.errors import Unprocessable
from triage.domain.finding import Point, TriageOutcome, VertebraFinding
from workers.report import Kind, ReportRequest, build
from workers.report.outline import clipped_outline, rasterise
from workers.report.source import read


def _region(group: Dataset) -> Dataset:
    regions: list[Dataset] = [item for item in group.ContentSequence if item.ValueType == "SCOORD"]
    (region,) = regions
    return region


def _drawn(uid: str, outline: tuple[Point, ...], centre: Point = (50.0, 50.0)) -> ReportRequest:
    finding = VertebraFinding(uid, "L4", "fresh", 0.1, 0.1, 0.8, centre, outline)
    return cast.request(cast.outcome((cast.lateral(uid),), (finding,), TriageOutcome.FLAGGED))


def test_each_flagged_vertebra_has_a_group_and_the_others_have_none(sources: cast.Sources) -> None:
    report = cast.by_kind(build(cast.flagged_request(sources.add("one")), sources.files))[
        Kind.LOCALISED_REPORT
    ]
    named, unnamed = cast.groups(report)
    assert cast.values(named, "363698007") == ["66794005"]
    assert cast.values(unnamed, "363698007") == ["51282000"]
    assert cast.values(named, "111012") == ["91.0"]
    assert cast.values(named, "TRIAGE-FLAG") == ["FLAGGED"]
    assert cast.values(named, "263502005") == ["373933003"]


def test_an_outline_is_a_closed_polyline_in_stored_pixels(sources: cast.Sources) -> None:
    uid = sources.add("one")
    report = cast.by_kind(build(cast.flagged_request(uid), sources.files))[Kind.LOCALISED_REPORT]
    region = _region(cast.groups(report)[0])
    points = np.array(region.GraphicData).reshape(-1, 2)
    assert region.GraphicType == "POLYLINE"
    assert points[0].tolist() == points[-1].tolist() == [75.5, 105.25]
    assert region.ContentSequence[0].ReferencedSOPSequence[0].ReferencedSOPInstanceUID == uid


def test_an_open_outline_is_closed_and_one_that_leaves_the_image_is_clipped(sources: cast.Sources) -> None:
    uid = sources.add("one")
    request = _drawn(uid, ((-30.0, 10.0), (40.0, 10.0), (40.0, 999.0)))
    built = cast.by_kind(build(request, sources.files))
    points = np.array(_region(cast.groups(built[Kind.LOCALISED_REPORT])[0]).GraphicData).reshape(-1, 2)
    assert points.tolist() == [[0.0, 10.0], [40.0, 10.0], [40.0, float(cast.ROWS)], [0.0, 10.0]]
    graphic = built[Kind.PRESENTATION].GraphicAnnotationSequence[0].GraphicObjectSequence[0]
    assert np.array(graphic.GraphicData).reshape(-1, 2).tolist() == points.tolist()


@pytest.mark.parametrize("outline", [(), ((5.0, 5.0),), ((5.0, 5.0), (9.0, 9.0), (5.0, 5.0))])
def test_a_vertebra_without_an_area_is_marked_by_its_centre(
    sources: cast.Sources, outline: tuple[Point, ...]
) -> None:
    built = cast.by_kind(build(_drawn(sources.add("one"), outline), sources.files))
    region = _region(cast.groups(built[Kind.LOCALISED_REPORT])[0])
    assert (region.GraphicType, list(region.GraphicData)) == ("POINT", [50.0, 50.0])
    assert Kind.SEGMENTATION not in built
    assert (
        built[Kind.PRESENTATION].GraphicAnnotationSequence[0].GraphicObjectSequence[0].GraphicType == "POINT"
    )


@pytest.mark.parametrize("wrong", [math.nan, math.inf])
def test_a_position_that_is_no_number_is_refused(sources: cast.Sources, wrong: float) -> None:
    request = _drawn(sources.add("one"), ((1.0, 1.0), (wrong, 2.0), (3.0, 9.0)))
    with pytest.raises(Unprocessable) as refused:
        build(request, sources.files)
    assert refused.value.reason == "outline"


def test_a_study_flagged_by_the_sum_of_its_vertebrae_points_at_the_likeliest(sources: cast.Sources) -> None:
    uid = sources.add("one")
    found = tuple(
        cast.vertebra(uid, level, 100.0, row, p) for level, row, p in (("L1", 60.0, 0.3), ("L2", 99.0, 0.4))
    )
    request = cast.request(cast.outcome((cast.lateral(uid),), found, TriageOutcome.FLAGGED))
    report = cast.by_kind(build(request, sources.files))[Kind.LOCALISED_REPORT]
    assert [cast.values(group, "363698007") for group in cast.groups(report)] == [["14293000"]]


def test_a_flag_without_any_vertebra_leaves_the_image_report_alone(sources: cast.Sources) -> None:
    request = cast.request(cast.outcome((cast.lateral(sources.add("one")),), (), TriageOutcome.FLAGGED))
    assert [one.kind for one in build(request, sources.files)] == [Kind.IMAGE_REPORT]


def test_vertebrae_of_a_study_that_is_not_flagged_are_not_localised(sources: cast.Sources) -> None:
    uid = sources.add("one")
    request = cast.request(cast.outcome((cast.lateral(uid),), (cast.vertebra(uid, "L1", 90.0, 90.0, 0.9),)))
    assert [one.kind for one in build(request, sources.files)] == [Kind.IMAGE_REPORT]


def test_the_segments_are_the_outlines_by_pixel_centres(sources: cast.Sources) -> None:
    uid = sources.add("one")
    request = cast.flagged_request(uid)
    built = next(one for one in build(request, sources.files) if one.kind is Kind.SEGMENTATION)
    again = hd.seg.Segmentation.from_dataset(cast.read(built))
    pixels = again.get_pixels_by_source_instance([uid])[0]
    image = read(uid, sources.files[uid])
    for number, vertebra in enumerate(request.outcome.vertebrae[:2]):
        outline = clipped_outline(image, vertebra)
        assert outline is not None
        expected = rasterise(outline, cast.ROWS, cast.COLUMNS)
        assert expected.sum() > 1000
        assert np.array_equal(pixels[..., number], expected)
    assert [segment.SegmentLabel for segment in again.SegmentSequence] == ["L1 #1", "vertebra #2"]


def test_outlines_that_overlap_share_their_pixels(sources: cast.Sources) -> None:
    uid = sources.add("one")
    found = (cast.vertebra(uid, "L1", 100.0, 100.0, 0.9), cast.vertebra(uid, "L2", 100.0, 110.0, 0.8))
    request = cast.request(cast.outcome((cast.lateral(uid),), found, TriageOutcome.FLAGGED))
    made = cast.by_kind(build(request, sources.files))[Kind.SEGMENTATION]
    pixels = hd.seg.Segmentation.from_dataset(made).get_pixels_by_source_instance([uid])[0]
    assert pixels[105, 100].tolist() == [1, 1]
    assert pixels[90, 100].tolist() == [1, 0]


def test_a_vertebra_is_tracked_by_one_uid_through_report_segment_and_overlay(sources: cast.Sources) -> None:
    built = cast.by_kind(build(cast.flagged_request(sources.add("one")), sources.files))
    reported = [cast.values(group, "112040")[0] for group in cast.groups(built[Kind.LOCALISED_REPORT])]
    segmented = [item.TrackingUID for item in built[Kind.SEGMENTATION].SegmentSequence]
    annotation = built[Kind.PRESENTATION].GraphicAnnotationSequence[0]
    assert reported == segmented == [item.TrackingUID for item in annotation.GraphicObjectSequence]
    assert reported == [item.TrackingUID for item in annotation.TextObjectSequence]


@pytest.mark.parametrize("orientation", [["A", "F"], None])
def test_the_segmentation_states_the_sources_orientation_or_that_it_is_unknown(
    sources: cast.Sources, orientation: list[str] | None
) -> None:
    def edit(ds: Dataset) -> None:
        if orientation is None:
            del ds.PatientOrientation

    built = cast.by_kind(build(cast.flagged_request(sources.add("one", edit=edit)), sources.files))
    stated = built[Kind.SEGMENTATION].PatientOrientation
    assert (list(stated) if stated else None) == orientation


def test_a_lossy_source_makes_a_lossy_segmentation(sources: cast.Sources) -> None:
    def lossy(ds: Dataset) -> None:
        ds.LossyImageCompression, ds.LossyImageCompressionRatio = "01", "12.5"
        ds.LossyImageCompressionMethod = "ISO_10918_1"

    built = cast.by_kind(build(cast.flagged_request(sources.add("one", edit=lossy)), sources.files))
    made = built[Kind.SEGMENTATION]
    assert (made.LossyImageCompression, float(made.LossyImageCompressionRatio)) == ("01", 12.5)


def test_a_matrix_too_large_to_segment_is_still_reported(sources: cast.Sources) -> None:
    def huge(ds: Dataset) -> None:
        ds.Rows = ds.Columns = 65535

    built = cast.by_kind(build(cast.flagged_request(sources.add("one", edit=huge)), sources.files))
    assert set(built) == {Kind.IMAGE_REPORT, Kind.LOCALISED_REPORT, Kind.PRESENTATION}


corners = st.lists(st.tuples(st.floats(0, 24), st.floats(0, 18)), min_size=3, max_size=7)


@given(corners)
def test_rasterising_agrees_with_a_ray_cast_from_each_pixel_centre(points: list[Point]) -> None:
    outline = np.array([*points, points[0]])
    mask = rasterise(outline, 18, 24)
    for row, column in ((0, 0), (9, 12), (17, 23), (4, 20)):
        assert bool(mask[row, column]) == _inside(outline, column + 0.5, row + 0.5)


def _inside(outline: np.ndarray[tuple[int, int], np.dtype[np.float64]], x: float, y: float) -> bool:
    inside = False
    for (x0, y0), (x1, y1) in pairwise(outline):
        if (y0 > y) != (y1 > y) and x < x0 + (y - y0) * (x1 - x0) / (y1 - y0):
            inside = not inside
    return inside


def test_rasterising_a_known_rectangle_counts_its_pixels(sources: cast.Sources) -> None:
    outline = np.array([[2.0, 3.0], [7.0, 3.0], [7.0, 5.0], [2.0, 5.0], [2.0, 3.0]])
    mask = rasterise(outline, 10, 10)
    assert mask.sum() == 10
    assert mask[3:5, 2:7].all()


def test_several_flagged_images_have_one_segmentation_and_one_overlay_each(sources: cast.Sources) -> None:
    one, two = sources.add("one"), sources.add("two")
    found = (cast.vertebra(one, "L1", 99.0, 99.0, 0.9), cast.vertebra(two, "L1", 90.0, 90.0, 0.8))
    request = cast.request(cast.outcome((cast.lateral(one), cast.lateral(two)), found, TriageOutcome.FLAGGED))
    built = build(request, sources.files)
    kinds = [item.kind for item in built]
    assert kinds.count(Kind.SEGMENTATION) == kinds.count(Kind.PRESENTATION) == 2
    numbers = {(item.kind, cast.read(item).InstanceNumber) for item in built}
    assert len(numbers) == len({item.sop_instance_uid for item in built}) == len(built) == 6
    again = dataclasses.replace(request, revision=3)
    assert {item.series_instance_uid for item in build(again, sources.files)}.isdisjoint(
        item.series_instance_uid for item in built
    )
