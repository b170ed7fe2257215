"""From a decoder's array to grey values with bone bright: stored bits, Modality LUT, photometric
interpretation, padding.

Promise: no lossy step and no window; values keep the order that the standard's pipeline gives them (PS3.3
C.11.1, C.7.6.3).
VOI and presentation steps are ignored: each network has its own window.
Refuses: Modality LUTs and rescale values that make no image.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from triage.domain.errors import Unprocessable
from workers.decode.layout import Layout
from workers.decode.trouble import parsing

Pixels = NDArray[Any]
MAX_LUT_ENTRIES = 65536
# Far beyond any radiograph, and far enough within float32 that sums of values stay numbers.
LARGEST_VALUE = 1e12


@dataclass(frozen=True, slots=True)
class Grey:
    """Values [rows, columns] whose possible range is `lowest` to `highest`."""

    values: Pixels
    lowest: float
    highest: float


def stored_values(pixels: Pixels, layout: Layout, packed: bool) -> Grey:
    """Return the stored values: cut out of their allocated bits if packed, with their sign."""
    if packed and layout.allocated == 8 and pixels.dtype != np.uint8:
        raise Unprocessable("bit-depth", "the pixels have another size than the header says")
    if packed and layout.high_bit + 1 > layout.stored:
        pixels = pixels >> (layout.high_bit + 1 - layout.stored)
    if pixels.dtype.kind == "i":
        # A JPEG 2000 codestream knows its own sign; where the header disagrees, the codestream is right.
        half = 1 << (layout.stored - 1)
        return Grey(np.clip(pixels, -half, half - 1), -half, half - 1)
    if layout.signed:
        return Grey(_signed(pixels, layout.stored), layout.lowest, layout.highest)
    if packed and layout.stored < layout.allocated:
        # Bits above the stored ones may hold an overlay (retired, still sent).
        pixels = pixels & pixels.dtype.type(layout.highest)
    elif not packed and pixels.size and int(pixels.max()) > layout.highest:
        pixels = np.minimum(pixels, pixels.dtype.type(layout.highest))
    return Grey(pixels, layout.lowest, layout.highest)


def _signed(pixels: Pixels, stored: int) -> Pixels:
    if stored == pixels.dtype.itemsize * 8:
        whole = pixels.astype(pixels.dtype.newbyteorder("="), copy=False)
        return whole.view(np.dtype(f"i{pixels.dtype.itemsize}"))
    half = 1 << (stored - 1)
    # Widened first: a codestream of 8 bits may stand under a header of 12.
    low = pixels.astype(np.int32) & ((1 << stored) - 1)
    narrow: Pixels = ((low ^ half) - half).astype(np.int16)
    return narrow


def modality(dataset: Dataset, grey: Grey) -> Grey:
    """Apply the Modality LUT sequence, else Rescale Slope and Intercept."""
    with parsing("bad-image-header", "the Modality LUT cannot be read"):
        tables = dataset.get("ModalityLUTSequence")
        if tables:
            order = "<" if dataset.file_meta.TransferSyntaxUID.is_little_endian else ">"
            return _looked_up(tables[0], grey, order)
        slope, intercept = _number(dataset, "RescaleSlope", 1.0), _number(dataset, "RescaleIntercept", 0.0)
    if (slope, intercept) == (1.0, 0.0):
        return grey
    if slope == 0 or not np.isfinite([slope, intercept]).all():
        raise Unprocessable("bad-image-header", "the rescale slope or intercept makes no image")
    ends = (grey.lowest * slope + intercept, grey.highest * slope + intercept)
    if max(abs(end) for end in ends) > LARGEST_VALUE:
        raise Unprocessable("bad-image-header", "the rescale slope or intercept makes no image")
    values = grey.values.astype(np.float32) * np.float32(slope) + np.float32(intercept)
    return Grey(values, min(ends), max(ends))


def _number(dataset: Dataset, keyword: str, default: float) -> float:
    value = dataset.get(keyword)
    return default if value is None or value in ("", []) else float(value)


def _looked_up(table: Dataset, grey: Grey, order: str) -> Grey:
    entries, first, bits = (int(value) for value in table["LUTDescriptor"].value)
    entries = entries or MAX_LUT_ENTRIES
    if grey.lowest < 0 and first > 32767:
        first -= 65536
    data = table["LUTData"].value
    values = (
        np.frombuffer(data, f"{order}u2")
        if isinstance(data, bytes)
        else np.atleast_1d(np.asarray(data, np.int64))
    )
    if not 0 < entries <= MAX_LUT_ENTRIES or values.size < entries or not 1 <= bits <= 16:
        raise Unprocessable("bad-image-header", "the Modality LUT is shorter than it says")
    lut = np.asarray(values[:entries], np.uint16)
    index = np.clip(grey.values.astype(np.int32) - first, 0, entries - 1)
    # Entries beyond the stated bits are seen; inverting them about a smaller range would wrap round.
    return Grey(lut[index], 0, float(max((1 << bits) - 1, int(lut.max()))))


def bone_bright(grey: Grey, layout: Layout) -> Grey:
    """Invert MONOCHROME1 about the middle of the possible range; integers stay exact."""
    if layout.photometric != "MONOCHROME1":
        return grey
    kind = grey.values.dtype
    middle = grey.lowest + grey.highest
    if kind.kind == "f":
        return Grey(np.float32(middle) - grey.values, grey.lowest, grey.highest)
    return Grey(np.subtract(kind.type(int(middle)), grey.values), grey.lowest, grey.highest)


def padding(dataset: Dataset, stored: Grey) -> NDArray[np.bool_] | None:
    """Return where the sender padded the matrix (PS3.3 C.7.5.1.1.2), or None."""
    with parsing("bad-image-header", "the pixel padding value cannot be read"):
        first = dataset.get("PixelPaddingValue")
        if not isinstance(first, int):
            return None
        last = dataset.get("PixelPaddingRangeLimit")
        low, high = sorted((first, last if isinstance(last, int) else first))
    if high < stored.lowest or low > stored.highest:
        return None
    return (stored.values >= max(low, stored.lowest)) & (stored.values <= min(high, stored.highest))


def darkened(grey: Grey, padded: NDArray[np.bool_] | None) -> Pixels:
    """Return the values with padding as dark as the darkest real pixel."""
    if padded is None or padded.all() or not padded.any():
        return grey.values
    darkest = grey.values.min(where=~padded, initial=grey.values.max())
    return np.where(padded, darkest, grey.values)
