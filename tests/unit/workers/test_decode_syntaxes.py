"""Lossless encodings give back exactly what went in; what no pinned decoder reads is refused by name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pydicom import uid
from pydicom.encaps import encapsulate

from tests.unit.workers import made
from triage.domain.errors import Unavailable, Unprocessable
from workers.decode import codecs, codestream, decode


@pytest.mark.parametrize("syntax", made.LOSSLESS, ids=lambda syntax: uid.UID(syntax).name)
@pytest.mark.parametrize("bits", [8, 10, 12, 16])
def test_a_lossless_round_trip_is_exact(syntax: str, bits: int, tmp_path: Path) -> None:
    pixels = made.radiograph(bits=bits)
    path = made.written(made.dataset(pixels, syntax, BitsStored=bits), tmp_path / "image.dcm")
    found = decode(path).image
    assert found.pixels.dtype.isnative
    assert found.bits == bits
    np.testing.assert_array_equal(found.pixels, pixels)


@pytest.mark.parametrize("syntax", [uid.ExplicitVRLittleEndian, uid.JPEGLosslessSV1, uid.JPEGLSLossless])
def test_sixteen_bit_signed_values_keep_their_sign(syntax: str, tmp_path: Path) -> None:
    pixels = made.radiograph(bits=16).astype(np.int32) - 32768
    signed = pixels.astype(np.int16)
    path = made.written(made.dataset(signed, syntax), tmp_path / "image.dcm")
    np.testing.assert_array_equal(decode(path).image.pixels, signed)


def test_every_codec_of_the_table_is_reached_by_a_test_or_is_lossy() -> None:
    lossy = {uid.JPEGBaseline8Bit, uid.JPEGExtended12Bit, uid.JPEGLSNearLossless, uid.JPEG2000, uid.HTJ2K}
    assert set(codecs.CODECS) == set(made.LOSSLESS) | lossy


@pytest.mark.parametrize(
    "syntax", [uid.MPEG2MPML, uid.JPEG2000MC, "1.2.840.10008.1.2.1.98", "1.2.840.10008.1.2.4.53"]
)
def test_a_syntax_without_a_decoder_is_refused_by_name(syntax: str) -> None:
    with pytest.raises(Unprocessable) as refused:
        codecs.codec_for(syntax)
    assert refused.value.reason == "transfer-syntax"
    name = uid.UID(syntax).name
    assert (name if name != syntax else "unknown") in refused.value.sentence


def test_an_unknown_syntax_is_refused_without_repeating_what_the_sender_wrote() -> None:
    with pytest.raises(Unprocessable) as refused:
        codecs.codec_for("1.2.SENTINEL")
    assert "SENTINEL" not in refused.value.sentence


@pytest.mark.parametrize("syntax", [uid.JPEGLosslessSV1, uid.JPEGLSLossless, uid.JPEG2000Lossless])
def test_a_codestream_that_is_cut_short_is_refused(syntax: str, tmp_path: Path) -> None:
    pixels = made.radiograph()
    stream = made.codestream(pixels, made.LOSSLESS[uid.UID(syntax)], 12)
    ds = made.dataset(pixels, syntax, BitsStored=12)
    ds.PixelData = encapsulate([stream[: len(stream) // 2]])
    with pytest.raises(Unprocessable) as refused:
        decode(made.written(ds, tmp_path / "image.dcm"))
    assert refused.value.reason == "truncated"


@pytest.mark.parametrize("syntax", [uid.JPEGLosslessSV1, uid.JPEGLSLossless, uid.JPEG2000Lossless])
def test_a_codestream_of_another_size_is_refused(syntax: str, tmp_path: Path) -> None:
    ds = made.dataset(made.radiograph(), syntax, BitsStored=12)
    ds.Rows, ds.Columns = int(ds.Columns), int(ds.Rows)
    with pytest.raises(Unprocessable) as refused:
        decode(made.written(ds, tmp_path / "image.dcm"))
    assert refused.value.reason == "size-mismatch"


def test_the_size_of_a_jpeg_2000_codestream_is_read_before_it_is_decoded() -> None:
    stream = bytearray(made.codestream(made.radiograph(), "jpeg-2000", 12))
    stream[8:12] = (60_000).to_bytes(4, "big")
    header = codestream.jpeg2000_header(bytes(stream))
    with pytest.raises(Unprocessable):
        codestream.require_agreement(header, 61, 47, 1, 16)


def test_lossy_jpeg_stays_near_the_picture(tmp_path: Path) -> None:
    import imagecodecs

    pixels = made.radiograph(bits=8)
    ds = made.dataset(pixels)
    ds.file_meta.TransferSyntaxUID = uid.JPEGBaseline8Bit
    ds.PixelData = encapsulate([bytes(imagecodecs.jpeg8_encode(pixels, level=95))])
    ds["PixelData"].VR = "OB"
    found = decode(made.written(ds, tmp_path / "image.dcm")).image.pixels
    assert float(np.mean(np.abs(found.astype(float) - pixels))) < 3.0


def test_a_spool_that_cannot_be_read_is_no_fault_of_the_image(tmp_path: Path) -> None:
    with pytest.raises(Unavailable):
        decode(tmp_path / "absent.dcm")
