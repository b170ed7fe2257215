"""A presentation state shows the image as it was shown before, with something on top."""

from __future__ import annotations

import struct
from collections.abc import Callable

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import ComputedRadiographyImageStorage, DigitalXRayImageStorageForPresentation

from tests import report_cast as cast
from workers.report import Kind, build


def overlay(sources: cast.Sources, edit: Callable[[Dataset], None] | None = None, **kwargs: str) -> Dataset:
    """Return the presentation state over one source with this header."""
    uid = sources.add("one", edit=edit, **kwargs)  # type: ignore[arg-type]  # only text options are passed here
    return cast.by_kind(build(cast.flagged_request(uid), sources.files))[Kind.PRESENTATION]


@pytest.mark.parametrize(("photometric", "shape"), [("MONOCHROME1", "INVERSE"), ("MONOCHROME2", "IDENTITY")])
@pytest.mark.parametrize(
    "sop_class", [ComputedRadiographyImageStorage, DigitalXRayImageStorageForPresentation]
)
def test_polarity_is_kept_so_bone_stays_bright(
    sources: cast.Sources, photometric: str, shape: str, sop_class: str
) -> None:
    made = overlay(sources, photometric=photometric, sop_class=sop_class)
    assert made.PresentationLUTShape == shape
    assert "PhotometricInterpretation" not in made


@pytest.mark.parametrize(
    ("centre", "width", "kept"),
    [
        ("2048", "4096", True),
        ("2048\\100", "4096\\50", True),
        (None, "4096", False),
        ("2048", None, False),
        ("2048", "0", False),
        ("2048\\1", "4096", False),
        ("NaN", "4096", False),
    ],
)
def test_a_window_has_both_values_or_is_left_out(
    sources: cast.Sources, centre: str | None, width: str | None, kept: bool
) -> None:
    def edit(ds: Dataset) -> None:
        del ds.WindowCenter
        del ds.WindowWidth
        for keyword, value in (("WindowCenter", centre), ("WindowWidth", width)):
            if value is not None:
                # As UN bytes: pydicom would refuse to write what senders do write.
                ds.add_new(keyword, "LO", value.split("\\"))

    made = overlay(sources, edit)
    assert ("SoftcopyVOILUTSequence" in made) is kept
    if kept:
        item = made.SoftcopyVOILUTSequence[0]
        assert (float(item.WindowCenter), float(item.WindowWidth)) == (2048.0, 4096.0)


@pytest.mark.parametrize(
    ("slope", "intercept", "kept"),
    [("2", "-100", True), (None, "-100", False), ("2", None, False), ("0", "5", False)],
)
def test_a_rescale_has_both_values_or_is_left_out(
    sources: cast.Sources, slope: str | None, intercept: str | None, kept: bool
) -> None:
    def edit(ds: Dataset) -> None:
        if slope is not None:
            ds.RescaleSlope = slope
        if intercept is not None:
            ds.RescaleIntercept = intercept

    made = overlay(sources, edit)
    assert ("RescaleSlope" in made, "RescaleIntercept" in made, "RescaleType" in made) == (kept,) * 3
    if kept:
        assert (float(made.RescaleSlope), float(made.RescaleIntercept)) == (2.0, -100.0)


def _lut(entries: int, claimed: int) -> Dataset:
    item = Dataset()
    item.add_new("LUTDescriptor", "US", [claimed, 0, 12])
    item.add_new("LUTData", "OW", struct.pack(f"<{entries}H", *range(entries)))
    item.ModalityLUTType = "OD"
    return item


@pytest.mark.parametrize("keyword", ["ModalityLUTSequence", "VOILUTSequence"])
def test_a_lookup_table_is_repeated_value_by_value(sources: cast.Sources, keyword: str) -> None:
    made = overlay(sources, lambda ds: setattr(ds, keyword, [_lut(256, 256)]))
    holder = made if keyword == "ModalityLUTSequence" else made.SoftcopyVOILUTSequence[0]
    item = holder[keyword].value[0]
    assert list(item.LUTDescriptor) == [256, 0, 12]
    assert np.frombuffer(item.LUTData, "<u2").tolist() == list(range(256))
    if keyword == "ModalityLUTSequence":
        assert item.ModalityLUTType == "OD"
        assert "RescaleSlope" not in made


@pytest.mark.parametrize("keyword", ["ModalityLUTSequence", "VOILUTSequence"])
def test_a_lookup_table_that_contradicts_itself_means_no_overlay(sources: cast.Sources, keyword: str) -> None:
    uid = sources.add("one", edit=lambda ds: setattr(ds, keyword, [_lut(200, 256)]))
    built = cast.by_kind(build(cast.flagged_request(uid), sources.files))
    assert set(built) == {Kind.IMAGE_REPORT, Kind.LOCALISED_REPORT, Kind.SEGMENTATION}


def test_every_annotation_is_in_a_layer_that_exists(sources: cast.Sources) -> None:
    made = overlay(sources)
    layers = {item.GraphicLayer for item in made.GraphicLayerSequence}
    assert {item.GraphicLayer for item in made.GraphicAnnotationSequence} == layers == {"AI_VCF"}


def test_every_mark_is_accompanied_by_not_for_diagnosis(sources: cast.Sources) -> None:
    annotation = overlay(sources).GraphicAnnotationSequence[0]
    texts = [item.UnformattedTextValue for item in annotation.TextObjectSequence]
    assert texts == [
        "AI: suspected fresh fracture L1 #1 91%\r\nNot for diagnosis",
        "AI: suspected fresh fracture vertebra #2 63%\r\nNot for diagnosis",
    ]
    assert len(annotation.GraphicObjectSequence) == 2


@pytest.mark.parametrize(
    ("keyword", "value", "ratio"),
    [
        ("PixelSpacing", ["0.4", "0.2"], [2, 1]),
        ("PixelAspectRatio", ["3", "4"], [3, 4]),
        ("PixelSpacing", ["0.2", "0.2"], [1, 1]),
        ("PixelSpacing", ["1e9", "1"], [1, 1]),
    ],
)
def test_pixels_that_are_not_square_keep_their_shape(
    sources: cast.Sources, keyword: str, value: list[str], ratio: list[int]
) -> None:
    def edit(ds: Dataset) -> None:
        del ds.ImagerPixelSpacing
        setattr(ds, keyword, value)

    area = overlay(sources, edit).DisplayedAreaSelectionSequence[0]
    assert [int(part) for part in area.PresentationPixelAspectRatio] == ratio
    assert list(area.DisplayedAreaBottomRightHandCorner) == [cast.COLUMNS, cast.ROWS]


@pytest.mark.parametrize(("source", "expected"), [("LSPINE", "LSPINE"), ("HAND", "SPINE"), ("", "SPINE")])
def test_the_body_part_is_an_unpaired_one_so_no_side_is_owed(
    sources: cast.Sources, source: str, expected: str
) -> None:
    uid = sources.add("one", edit=lambda ds: setattr(ds, "BodyPartExamined", source))
    built = cast.by_kind(build(cast.flagged_request(uid), sources.files))
    for kind in (Kind.PRESENTATION, Kind.SEGMENTATION):
        assert built[kind].BodyPartExamined == expected
        assert "Laterality" not in built[kind]


def test_a_colour_image_has_no_greyscale_overlay(sources: cast.Sources) -> None:
    def colour(ds: Dataset) -> None:
        ds.SamplesPerPixel, ds.PhotometricInterpretation = 3, "RGB"

    uid = sources.add("one", edit=colour)
    assert Kind.PRESENTATION not in cast.by_kind(build(cast.flagged_request(uid), sources.files))
