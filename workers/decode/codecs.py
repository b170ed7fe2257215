"""One pinned decoder per transfer syntax, from one frame's bytes to an array [rows, columns] or [rows,
columns, 3].

Promise: the decoder named here is the one that runs, whatever else is installed; none of them is under the
GPL.
A second decoder exists only in the tests, which compare the two.
Refuses by name: every other transfer syntax (video, JPEG XL, the retired JPEG processes, encapsulated
uncompressed ...).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import imagecodecs
import jpeg_ls
import numpy as np
from numpy.typing import NDArray
from openjpeg.utils import decode as decode_jpeg_2000
from pydicom import uid
from rle.rle import decode_frame as decode_rle

from triage.domain.errors import Unprocessable
from workers.decode import codestream
from workers.decode.layout import Layout
from workers.decode.trouble import parsing

Pixels = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Codec:
    """`packed` values sit in their allocated bits as stored; else the decoder has returned whole values."""

    name: str
    decode: Callable[[bytes, Layout], Pixels]
    packed: bool = False


def _native_type(layout: Layout, order: str) -> np.dtype[Any]:
    return np.dtype("u1" if layout.allocated == 8 else f"{order}u2")


def _native(order: str) -> Callable[[bytes, Layout], Pixels]:
    def decode(frame: bytes, layout: Layout) -> Pixels:
        flat = np.frombuffer(frame, _native_type(layout, order), layout.pixels * layout.samples)
        native = flat.astype(flat.dtype.newbyteorder("="), copy=False)
        return _shaped(native, layout)

    return decode


def _shaped(flat: Pixels, layout: Layout) -> Pixels:
    shape = (layout.rows, layout.columns) + ((layout.samples,) if layout.samples > 1 else ())
    return flat.reshape(shape)


def _rle(frame: bytes, layout: Layout) -> Pixels:
    # The header has one 4-byte count and 15 offsets (PS3.5 G.5); each sample's byte is a segment.
    segments = int.from_bytes(frame[:4], "little")
    if len(frame) < 64 or segments != layout.samples * layout.allocated // 8:
        raise Unprocessable(
            "undecodable", f"the RLE frame has {segments} segments, which its header cannot have"
        )
    plain = decode_rle(frame, layout.pixels, layout.allocated, "<")
    planes = np.frombuffer(plain, _native_type(layout, "<")).reshape(
        layout.samples, layout.rows, layout.columns
    )
    return planes[0] if layout.samples == 1 else np.moveaxis(planes, 0, -1)


def _jpeg(frame: bytes, layout: Layout) -> Pixels:
    codestream.require_whole(frame)
    _agree(codestream.jpeg_header(frame), layout)
    # libjpeg-turbo 3 does baseline, 12-bit extended and lossless alike.
    return np.asarray(imagecodecs.jpeg8_decode(frame))


def _jpeg_ls(frame: bytes, layout: Layout) -> Pixels:
    codestream.require_whole(frame)
    header = codestream.jpeg_header(frame)
    _agree(header, layout)
    plain, _ = jpeg_ls.decode_pixel_data(frame)
    return _shaped(np.frombuffer(plain, "u1" if header.precision <= 8 else "<u2"), layout)


def _jpeg_2000(frame: bytes, layout: Layout) -> Pixels:
    codestream.require_whole(frame)
    _agree(codestream.jpeg2000_header(frame), layout)
    return np.asarray(decode_jpeg_2000(frame))


def _agree(header: codestream.FrameHeader, layout: Layout) -> None:
    codestream.require_agreement(header, layout.rows, layout.columns, layout.samples, layout.allocated)


CODECS: dict[str, Codec] = {
    uid.ImplicitVRLittleEndian: Codec("native", _native("<"), packed=True),
    uid.ExplicitVRLittleEndian: Codec("native", _native("<"), packed=True),
    uid.DeflatedExplicitVRLittleEndian: Codec("native", _native("<"), packed=True),
    uid.ExplicitVRBigEndian: Codec("native", _native(">"), packed=True),
    uid.RLELossless: Codec("pylibjpeg-rle", _rle, packed=True),
    uid.JPEGBaseline8Bit: Codec("libjpeg-turbo", _jpeg),
    uid.JPEGExtended12Bit: Codec("libjpeg-turbo", _jpeg),
    uid.JPEGLossless: Codec("libjpeg-turbo", _jpeg),
    uid.JPEGLosslessSV1: Codec("libjpeg-turbo", _jpeg),
    uid.JPEGLSLossless: Codec("CharLS", _jpeg_ls),
    uid.JPEGLSNearLossless: Codec("CharLS", _jpeg_ls),
    uid.JPEG2000Lossless: Codec("OpenJPEG", _jpeg_2000),
    uid.JPEG2000: Codec("OpenJPEG", _jpeg_2000),
    uid.HTJ2KLossless: Codec("OpenJPEG", _jpeg_2000),
    uid.HTJ2KLosslessRPCL: Codec("OpenJPEG", _jpeg_2000),
    uid.HTJ2K: Codec("OpenJPEG", _jpeg_2000),
}


def codec_for(transfer_syntax: str) -> Codec:
    """Return the pinned decoder, or raise Unprocessable naming the transfer syntax that has none."""
    codec = CODECS.get(transfer_syntax)
    if codec is None:
        # An unregistered UID is the sender's text: it is not repeated.
        known = re.fullmatch(uid.RE_VALID_UID, transfer_syntax) and uid.UID(transfer_syntax).name
        name = known if known and known != transfer_syntax else "an unknown transfer syntax"
        raise Unprocessable("transfer-syntax", f"no decoder for {name}")
    return codec


def decode_frame(codec: Codec, frame: bytes, layout: Layout) -> Pixels:
    """Return one frame's stored values as the decoder gives them; raises Unprocessable."""
    with parsing("undecodable", f"{codec.name} cannot decode the image"):
        pixels = codec.decode(frame, layout)
    if pixels.shape[:2] != (layout.rows, layout.columns):
        raise Unprocessable(
            "size-mismatch", f"{codec.name} returned {pixels.shape[1]} x {pixels.shape[0]} pixels"
        )
    return pixels
