"""What a compressed frame says about itself, read from its own markers before a decoder may allocate for it.

Promise: a frame reaches its decoder only if it is whole and its size, depth and components agree with the
header.
Refuses: frames without an end marker (wrong pixels are worse than none), other sizes, no frame header at
all.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from triage.domain.errors import Unprocessable

_END = b"\xff\xd9"
# Padding, fill bytes and repeated end markers were seen behind it; entropy-coded data cannot hold FFD9.
_END_WITHIN = 64
_J2K_START = b"\xff\x4f\xff\x51"
_JP2_SIGNATURE = b"\x00\x00\x00\x0cjP  "
_JP2_HEADER_BYTES = 4096
_NOT_FRAME_HEADERS = frozenset({0xC4, 0xC8, 0xCC})
_STANDALONE = frozenset({0x01, 0xD8, *range(0xD0, 0xD8)})


@dataclass(frozen=True, slots=True)
class FrameHeader:
    """`signed` is None where the codestream does not say."""

    rows: int
    columns: int
    components: int
    precision: int
    signed: bool | None = None


def require_whole(frame: bytes) -> None:
    """Refuse a codestream whose end marker (EOI, EOC) is missing."""
    if _END not in frame[-_END_WITHIN:]:
        raise Unprocessable("truncated", "the compressed image is cut short")


def jpeg_header(frame: bytes) -> FrameHeader:
    """Return the frame header (SOFn or SOF55) of a JPEG or JPEG-LS codestream."""
    position = 2 if frame[:2] == b"\xff\xd8" else -1
    while 0 < position < len(frame) - 3:
        if frame[position] != 0xFF:
            break
        marker = frame[position + 1]
        if marker == 0xFF:
            position += 1
        elif marker in _STANDALONE:
            position += 2
        elif _is_frame_header(marker) and len(frame) >= position + 10:
            precision, rows, columns, components = struct.unpack_from(">BHHB", frame, position + 4)
            return FrameHeader(rows, columns, components, precision)
        else:
            position += 2 + int.from_bytes(frame[position + 2 : position + 4], "big")
    raise Unprocessable("undecodable", "the compressed image has no JPEG frame header")


def _is_frame_header(marker: int) -> bool:
    return marker == 0xF7 or (0xC0 <= marker <= 0xCF and marker not in _NOT_FRAME_HEADERS)


def jpeg2000_header(frame: bytes) -> FrameHeader:
    """Return the SIZ marker's sizes of a JPEG 2000 or HTJ2K codestream (ISO 15444-1 A.5.1)."""
    start = frame[:_JP2_HEADER_BYTES].find(_J2K_START) if frame.startswith(_JP2_SIGNATURE) else 0
    if start < 0 or frame[start : start + 4] != _J2K_START or len(frame) < start + 43:
        raise Unprocessable("undecodable", "the compressed image has no JPEG 2000 codestream")
    x_end, y_end, x_start, y_start = struct.unpack_from(">4I", frame, start + 8)
    (components,) = struct.unpack_from(">H", frame, start + 40)
    depth = frame[start + 42]
    return FrameHeader(y_end - y_start, x_end - x_start, components, (depth & 0x7F) + 1, bool(depth & 0x80))


def require_agreement(header: FrameHeader, rows: int, columns: int, samples: int, allocated: int) -> None:
    """Refuse a codestream of another size than the data set announces."""
    if (header.rows, header.columns, header.components) != (rows, columns, samples):
        sentence = f"the compressed image is {header.columns} x {header.rows} x {header.components}"
        raise Unprocessable("size-mismatch", f"{sentence}, its header says {columns} x {rows} x {samples}")
    if header.precision > allocated:
        raise Unprocessable(
            "bit-depth", f"the compressed image has {header.precision} bits, {allocated} allocated"
        )
