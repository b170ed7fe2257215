"""One frame's bytes out of Pixel Data, native or encapsulated, in memory that the layout bounds.

Promise: a native frame has all its bytes; an encapsulated frame is its fragments, joined, found by offset
table or count.
Refuses: pixel data shorter than the header says, frame numbers that do not exist, fragments that do not
add up.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from pydicom.dataset import Dataset
from pydicom.encaps import get_frame

from triage.domain.errors import Unprocessable
from workers.decode.layout import Layout
from workers.decode.trouble import parsing


def frame_bytes(dataset: Dataset, layout: Layout, index: int) -> bytes:
    """Return the bytes of frame `index`, counted from 0."""
    if not 0 <= index < layout.frames:
        raise Unprocessable("no-such-frame", f"the object has {layout.frames} frames, not {index + 1}")
    with parsing("unreadable", "the pixel data cannot be read"):
        element = dataset["PixelData"]
        data = element.value
    if not isinstance(data, bytes):
        raise Unprocessable("unreadable", "the pixel data are not bytes")
    if dataset.file_meta.TransferSyntaxUID.is_encapsulated:
        return _encapsulated(dataset, data, layout, index)
    in_words = element.VR == "OW" and layout.allocated == 8
    swapped = in_words and not dataset.file_meta.TransferSyntaxUID.is_little_endian
    return _native(data, layout, index, swapped)


def _native(data: bytes, layout: Layout, index: int, swapped: bool) -> bytes:
    if len(data) < layout.frame_bytes * layout.frames:
        needed = layout.frame_bytes * layout.frames
        raise Unprocessable("truncated", f"the pixel data hold {len(data)} of {needed} bytes")
    start = layout.frame_bytes * index
    if swapped:
        return _unswapped(data, start, layout.frame_bytes)
    # bytes slices copy; the whole of it does not, and radiographs have one frame.
    return data[start : start + layout.frame_bytes]


def _unswapped(data: bytes, start: int, length: int) -> bytes:
    """Return bytes that were sent two to a big-endian word: the first of a pair comes second (PS3.5 7.3)."""
    first, last = start & ~1, (start + length + 1) & ~1
    padded = data[first:last] + b"\0" * max(0, last - len(data))
    return np.frombuffer(padded, ">u2").astype("<u2").tobytes()[start - first :][:length]


def _encapsulated(dataset: Dataset, data: bytes, layout: Layout, index: int) -> bytes:
    with parsing("undecodable", "the fragments of the image do not add up to its frames"):
        return get_frame(data, index, number_of_frames=layout.frames, extended_offsets=_extended(dataset))


def _extended(dataset: Dataset) -> Any:
    table, lengths = dataset.get("ExtendedOffsetTable"), dataset.get("ExtendedOffsetTableLengths")
    return (table, lengths) if table and lengths else None
