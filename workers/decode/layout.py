"""What the header says about the pixel matrix, checked with Python integers before anything is allocated.

Promise: a Layout's sizes are within the limits and agree with each other, so products of them cannot
overflow or lie.
Refuses: no pixels, zero or absurd sizes, bit depths no radiograph has, colour, more frames than the limit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydicom.dataset import Dataset

from triage.domain.errors import Unprocessable
from workers.decode.part10 import Limits
from workers.decode.trouble import parsing

GREY = frozenset({"MONOCHROME1", "MONOCHROME2"})
COLOUR = frozenset(
    {
        "RGB",
        "PALETTE COLOR",
        "YBR_FULL",
        "YBR_FULL_422",
        "YBR_PARTIAL_420",
        "YBR_PARTIAL_422",
        "YBR_ICT",
        "YBR_RCT",
    }
)


@dataclass(frozen=True, slots=True)
class Layout:
    """One frame's matrix as stored. `high_bit` is where the value ends inside its allocated bits."""

    rows: int
    columns: int
    samples: int
    frames: int
    allocated: int
    stored: int
    high_bit: int
    signed: bool
    photometric: str

    @property
    def pixels(self) -> int:
        """Return the pixels of one frame."""
        return self.rows * self.columns

    @property
    def frame_bytes(self) -> int:
        """Return the bytes of one native frame."""
        return self.pixels * self.samples * (self.allocated // 8)

    @property
    def lowest(self) -> int:
        """Return the smallest value that `stored` bits can hold."""
        return -(1 << (self.stored - 1)) if self.signed else 0

    @property
    def highest(self) -> int:
        """Return the largest value that `stored` bits can hold."""
        return (1 << (self.stored - (1 if self.signed else 0))) - 1


def layout_of(dataset: Dataset, limits: Limits) -> Layout:
    """Return the pixel layout, or raise Unprocessable with the first thing that is wrong."""
    _require_integer_pixels(dataset)
    with parsing("bad-image-header", "the header does not describe its image"):
        layout = Layout(
            rows=_whole(dataset, "Rows"),
            columns=_whole(dataset, "Columns"),
            samples=_whole(dataset, "SamplesPerPixel", 1),
            frames=_whole(dataset, "NumberOfFrames", 1),
            allocated=_whole(dataset, "BitsAllocated"),
            stored=_whole(dataset, "BitsStored", dataset.get("BitsAllocated")),
            high_bit=_whole(dataset, "HighBit", int(dataset.get("BitsStored", 0)) - 1),
            signed=_whole(dataset, "PixelRepresentation", 0) == 1,
            photometric=str(dataset.get("PhotometricInterpretation", "")).strip(),
        )
    _check_matrix(layout, limits)
    _check_depth(layout)
    return layout


def _whole(dataset: Dataset, keyword: str, default: Any = None) -> int:
    value = dataset.get(keyword)
    if value is None or value == "":
        value = default
    if value is None:
        raise Unprocessable("bad-image-header", f"the header has no {keyword}")
    return int(value)


def _require_integer_pixels(dataset: Dataset) -> None:
    if "FloatPixelData" in dataset or "DoubleFloatPixelData" in dataset:
        raise Unprocessable("float-pixels", "floating point pixels are not a radiograph's")
    if "PixelData" not in dataset:
        raise Unprocessable("no-pixels", "the object has no pixels")


def _check_matrix(layout: Layout, limits: Limits) -> None:
    if layout.rows < 1 or layout.columns < 1:
        raise Unprocessable("no-pixels", f"the image matrix is {layout.columns} x {layout.rows}")
    if layout.pixels > limits.max_pixels:
        raise Unprocessable(
            "too-large", f"an image of {layout.columns} x {layout.rows} pixels is beyond the limit"
        )
    if not 1 <= layout.frames <= limits.max_frames:
        raise Unprocessable("multi-frame", f"{layout.frames} frames; at most {limits.max_frames} are read")


def _check_depth(layout: Layout) -> None:
    if layout.samples not in (1, 3):
        raise Unprocessable("bad-image-header", f"{layout.samples} samples per pixel")
    if layout.allocated not in (8, 16):
        raise Unprocessable("bit-depth", f"{layout.allocated} bits allocated; radiographs have 8 or 16")
    if (
        not 1 <= layout.stored <= layout.allocated
        or not layout.stored - 1 <= layout.high_bit < layout.allocated
    ):
        raise Unprocessable("bit-depth", f"{layout.stored} bits stored up to bit {layout.high_bit} cannot be")


def require_grey(layout: Layout) -> None:
    """Refuse colour: no network here was trained on it, and a photograph is no radiograph."""
    if layout.samples != 1 or layout.photometric not in GREY:
        kind = layout.photometric if layout.photometric in COLOUR else "unnamed"
        raise Unprocessable("not-greyscale", f"{kind} pixels, not a greyscale radiograph")
