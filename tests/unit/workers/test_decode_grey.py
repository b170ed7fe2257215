"""From stored bits to grey values: bits, sign, Modality LUT, rescale, photometric interpretation, padding, frames."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom import dcmread, uid
from pydicom.dataset import Dataset

from tests.unit.workers import made
from triage.domain.errors import Unprocessable
from workers.decode import Limits, decode


def grey(tmp_path: Path, pixels: made.Pixels, **attributes: Any) -> made.Pixels:
    """Decode an object made of these stored values."""
    return decode(made.written(made.dataset(pixels, **attributes), tmp_path / "image.dcm")).image.pixels


def test_bits_above_the_stored_ones_are_ignored(tmp_path: Path) -> None:
    pixels = made.radiograph(bits=12)
    with_overlay = pixels | 0x8000
    np.testing.assert_array_equal(grey(tmp_path, with_overlay, BitsStored=12), pixels)


def test_values_that_end_at_a_higher_bit_are_shifted_down(tmp_path: Path) -> None:
    pixels = made.radiograph(bits=12)
    np.testing.assert_array_equal(grey(tmp_path, pixels << 4, BitsStored=12, HighBit=15), pixels)


def test_twelve_bit_signed_values_are_extended_from_their_own_sign(tmp_path: Path) -> None:
    pixels = made.radiograph(bits=12)
    signed = np.where(pixels > 2047, pixels.astype(np.int32) - 4096, pixels)
    found = grey(tmp_path, pixels, BitsStored=12, PixelRepresentation=1)
    np.testing.assert_array_equal(found, signed)


def test_monochrome1_comes_out_with_bone_bright_and_exact(tmp_path: Path) -> None:
    pixels = made.radiograph(bits=12)
    found = grey(tmp_path, pixels, BitsStored=12, PhotometricInterpretation="MONOCHROME1")
    np.testing.assert_array_equal(found, 4095 - pixels)


def test_signed_monochrome1_is_inverted_about_its_middle(tmp_path: Path) -> None:
    signed = (made.radiograph(bits=16).astype(np.int32) - 32768).astype(np.int16)
    found = grey(tmp_path, signed, PhotometricInterpretation="MONOCHROME1")
    np.testing.assert_array_equal(found.astype(np.int32), -1 - signed.astype(np.int32))


def test_a_negative_rescale_slope_turns_the_picture_round(tmp_path: Path) -> None:
    pixels = made.radiograph(bits=12)
    found = grey(tmp_path, pixels, BitsStored=12, RescaleSlope="-1", RescaleIntercept="4095")
    np.testing.assert_allclose(found, 4095.0 - pixels)


def test_monochrome1_and_a_negative_slope_cancel(tmp_path: Path) -> None:
    pixels = made.radiograph(bits=12)
    wanted = {"RescaleSlope": "-1", "RescaleIntercept": "4095", "PhotometricInterpretation": "MONOCHROME1"}
    np.testing.assert_allclose(grey(tmp_path, pixels, BitsStored=12, **wanted), pixels)


def test_a_modality_lut_is_looked_up_and_clipped_at_its_ends(tmp_path: Path) -> None:
    table = Dataset()
    table.LUTDescriptor = [3, 100, 16]
    table.LUTData = np.array([7, 8, 60000], "<u2").tobytes()
    table.ModalityLUTType = "US"
    pixels = np.array([[0, 100, 101], [102, 103, 4000]], np.uint16)
    found = grey(tmp_path, pixels, ModalityLUTSequence=[table])
    np.testing.assert_array_equal(found, [[7, 7, 8], [60000, 60000, 60000]])


def test_a_modality_lut_shorter_than_it_says_is_refused(tmp_path: Path) -> None:
    table = Dataset()
    table.LUTDescriptor = [4000, 0, 16]
    table.LUTData = np.array([7, 8], "<u2").tobytes()
    with pytest.raises(Unprocessable, match="Modality LUT"):
        grey(tmp_path, made.radiograph(), ModalityLUTSequence=[table])


def test_entries_of_a_modality_lut_beyond_its_stated_bits_keep_their_order_when_inverted(
    tmp_path: Path,
) -> None:
    table = Dataset()
    table.LUTDescriptor = [4, 0, 8]
    table.LUTData = np.array([0, 100, 300, 1000], "<u2").tobytes()
    wanted = {"ModalityLUTSequence": [table], "PhotometricInterpretation": "MONOCHROME1"}
    found = grey(tmp_path, np.array([[0, 1], [2, 3]], np.uint16), **wanted)
    np.testing.assert_array_equal(found, [[1000, 900], [700, 0]])


@pytest.mark.parametrize("attributes", [{"RescaleSlope": "1e35"}, {"RescaleIntercept": "-1e38"}])
def test_a_rescale_beyond_what_sums_can_hold_is_refused(attributes: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(Unprocessable, match="rescale"):
        grey(tmp_path, made.radiograph(), **attributes)


def test_a_rescale_slope_of_zero_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Unprocessable, match="rescale"):
        grey(tmp_path, made.radiograph(), RescaleSlope="0")


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_padding_is_as_dark_as_the_darkest_real_pixel(photometric: str, tmp_path: Path) -> None:
    pixels = made.radiograph(bits=12)
    inside = np.clip(pixels, 50, 4000)
    padded = inside.copy()
    padded[:10] = 0
    found = grey(tmp_path, padded, BitsStored=12, PhotometricInterpretation=photometric, PixelPaddingValue=0)
    assert set(np.unique(found[:10])) == {found[10:].min()}


def test_a_padding_range_covers_what_lies_between_its_ends(tmp_path: Path) -> None:
    pixels = np.clip(made.radiograph(bits=12), 50, 4000)
    pixels[:5], pixels[5:10] = 2, 4
    found = grey(tmp_path, pixels, BitsStored=12, PixelPaddingValue=0, PixelPaddingRangeLimit=5)
    assert found.min() == found[10:].min()


def test_a_picture_of_padding_alone_is_left_as_it_is(tmp_path: Path) -> None:
    pixels = np.zeros((8, 8), np.uint16)
    np.testing.assert_array_equal(grey(tmp_path, pixels, PixelPaddingValue=0), pixels)


def test_each_frame_is_found_and_one_beyond_the_last_is_refused(tmp_path: Path) -> None:
    frames = [made.radiograph(seed=seed) for seed in range(3)]
    ds = made.dataset(frames[0], NumberOfFrames=3, BitsStored=12)
    ds.PixelData = b"".join(frame.tobytes() for frame in frames)
    path = made.written(ds, tmp_path / "image.dcm")
    for number, frame in enumerate(frames):
        found = decode(path, number)
        assert found.frames == 3
        np.testing.assert_array_equal(found.image.pixels, frame)
    with pytest.raises(Unprocessable, match="3 frames"):
        decode(path, 3)


def test_bytes_in_big_endian_words_are_put_back_in_order_in_every_frame(tmp_path: Path) -> None:
    frames = [made.radiograph(rows=61, columns=47, bits=8, seed=seed) for seed in range(3)]
    ds = made.dataset(frames[0], uid.ExplicitVRBigEndian, NumberOfFrames=3)
    whole = np.concatenate([frame.ravel() for frame in frames])[None]
    ds.PixelData = made.encoded(whole, uid.ExplicitVRBigEndian, 8)
    path = made.written(ds, tmp_path / "image.dcm")
    np.testing.assert_array_equal(dcmread(path).pixel_array, frames)
    for number, frame in enumerate(frames):
        np.testing.assert_array_equal(decode(path, number).image.pixels, frame)


def test_bytes_in_big_endian_files_are_in_order_when_they_are_no_words(tmp_path: Path) -> None:
    pixels = made.radiograph(rows=60, columns=48, bits=8)
    ds = made.dataset(pixels, uid.ExplicitVRBigEndian)
    ds.PixelData, ds["PixelData"].VR = pixels.tobytes(), "OB"
    found = decode(made.written(ds, tmp_path / "image.dcm")).image.pixels
    np.testing.assert_array_equal(found, pixels)


def test_a_codestream_of_fewer_bits_than_a_signed_header_says_is_read(tmp_path: Path) -> None:
    pixels = made.radiograph(bits=8)
    ds = made.dataset(pixels.astype(np.uint16), BitsStored=12, PixelRepresentation=1)
    ds.file_meta.TransferSyntaxUID = uid.JPEGLosslessSV1
    ds.PixelData = made.encoded(pixels, uid.JPEGLosslessSV1, 8)
    ds["PixelData"].VR = "OB"
    found = decode(made.written(ds, tmp_path / "image.dcm")).image.pixels
    np.testing.assert_array_equal(found, pixels)


def test_colour_is_refused_by_its_photometric_interpretation(tmp_path: Path) -> None:
    ds = made.dataset(made.radiograph(bits=8))
    ds.PhotometricInterpretation = "PALETTE COLOR"
    with pytest.raises(Unprocessable, match="PALETTE COLOR") as refused:
        decode(made.written(ds, tmp_path / "image.dcm"))
    assert refused.value.reason == "not-greyscale"


@pytest.mark.parametrize(
    ("attributes", "reason"),
    [
        ({"Rows": 0}, "no-pixels"),
        ({"Rows": 65535, "Columns": 65535}, "too-large"),
        ({"NumberOfFrames": 1_000_000}, "multi-frame"),
        ({"Rows": 9000}, "truncated"),
        ({"BitsAllocated": 32, "BitsStored": 12}, "bit-depth"),
        ({"BitsStored": 17}, "bit-depth"),
        ({"BitsStored": 12, "HighBit": 3}, "bit-depth"),
        ({"SamplesPerPixel": 4}, "bad-image-header"),
    ],
)
def test_a_header_that_lies_about_its_pixels_is_refused(
    attributes: dict[str, Any], reason: str, tmp_path: Path
) -> None:
    with pytest.raises(Unprocessable) as refused:
        grey(tmp_path, made.radiograph(), **attributes)
    assert refused.value.reason == reason


def test_a_file_beyond_the_limit_is_refused_unread(tmp_path: Path) -> None:
    path = made.written(made.dataset(made.radiograph()), tmp_path / "image.dcm")
    with pytest.raises(Unprocessable) as refused:
        decode(path, limits=Limits(max_file_bytes=100))
    assert refused.value.reason == "too-large"


def test_no_sentence_of_a_refusal_holds_the_patient(tmp_path: Path) -> None:
    ds = made.dataset(made.radiograph())
    ds.PhotometricInterpretation = "SENTINEL"
    with pytest.raises(Unprocessable) as refused:
        decode(made.written(ds, tmp_path / "image.dcm"))
    assert "SENTINEL" not in refused.value.sentence
