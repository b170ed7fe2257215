"""From a spooled Part 10 file to a pydicom data set, within bounds on bytes before and after inflating.

Promise: at most `max_file_bytes` are read and at most `max_inflated_bytes` come out of a deflated data set.
Refuses: files that are too large, no DICOM, no transfer syntax, data sets that no parser can walk.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.filereader import _read_file_meta_info as read_file_meta
from pydicom.filereader import read_dataset, read_preamble
from pydicom.tag import BaseTag, Tag
from pydicom.uid import DeflatedExplicitVRLittleEndian

from triage.domain.errors import Unavailable, Unprocessable
from workers.decode import age, moment
from workers.decode.trouble import parsing

# Nothing else is kept in memory: no private data, and of the patient what the age is told by.
_KEPT: list[BaseTag | int] = [
    Tag("SOPClassUID"),
    Tag("SOPInstanceUID"),
    Tag("Modality"),
    *(Tag(keyword) for keyword in (*moment.KEPT, *age.KEPT)),
    Tag("ViewPosition"),
    Tag("PatientOrientation"),
    Tag("SamplesPerPixel"),
    Tag("PhotometricInterpretation"),
    Tag("PlanarConfiguration"),
    Tag("NumberOfFrames"),
    Tag("Rows"),
    Tag("Columns"),
    Tag("BitsAllocated"),
    Tag("BitsStored"),
    Tag("HighBit"),
    Tag("PixelRepresentation"),
    Tag("PixelPaddingValue"),
    Tag("PixelPaddingRangeLimit"),
    Tag("RescaleSlope"),
    Tag("RescaleIntercept"),
    Tag("ModalityLUTSequence"),
    Tag("PixelSpacing"),
    Tag("PixelSpacingCalibrationType"),
    Tag("ImagerPixelSpacing"),
    Tag("NominalScannedPixelSpacing"),
    Tag("EstimatedRadiographicMagnificationFactor"),
    Tag("DistanceSourceToDetector"),
    Tag("DistanceSourceToPatient"),
    Tag("ExtendedOffsetTable"),
    Tag("ExtendedOffsetTableLengths"),
    Tag("PixelData"),
    Tag("FloatPixelData"),
    Tag("DoubleFloatPixelData"),
]


@dataclass(frozen=True, slots=True)
class Limits:
    """What one image may cost. The defaults hold a 40 x 40 cm film at 0.05 mm with room to spare."""

    max_file_bytes: int = 512 * 1024**2
    max_inflated_bytes: int = 512 * 1024**2
    max_pixels: int = 80_000_000
    max_frames: int = 64


def read(path: Path, limits: Limits, kept: Sequence[BaseTag | int] = _KEPT) -> Dataset:
    """Return these elements of a Part 10 file; raises Unprocessable, or Unavailable when the spool fails."""
    content = _content(path, limits)
    with parsing("unreadable", "the file is not a DICOM object that can be read"):
        return _parse(content, limits, list(kept))


def _content(path: Path, limits: Limits) -> bytes:
    try:
        size = path.stat().st_size
        if size > limits.max_file_bytes:
            raise Unprocessable("too-large", f"the file is larger than {limits.max_file_bytes} bytes")
        return path.read_bytes()
    except OSError as error:
        raise Unavailable("spool", f"the spool cannot be read: {error.strerror}") from error


def _parse(content: bytes, limits: Limits, kept: list[BaseTag | int]) -> Dataset:
    stream = BytesIO(content)
    read_preamble(stream, force=True)
    bare = stream.tell() == 0
    meta = read_file_meta(stream)
    syntax = meta.get("TransferSyntaxUID")
    if syntax is None:
        raise Unprocessable("no-transfer-syntax", "the file does not say its transfer syntax")
    if syntax == DeflatedExplicitVRLittleEndian:
        dataset = read_dataset(
            BytesIO(_inflate(content[stream.tell() :], limits)), False, True, specific_tags=kept
        )
        dataset.file_meta = meta
        return dataset
    stream.seek(0)
    return dcmread(stream, force=bare, specific_tags=kept)


def _inflate(deflated: bytes, limits: Limits) -> bytes:
    """Inflate within bounds: 486 KB were seen to become 959 MB (reliability.md 1.5)."""
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    plain = inflater.decompress(deflated, limits.max_inflated_bytes)
    if inflater.unconsumed_tail:
        raise Unprocessable(
            "too-large", f"the data set inflates to more than {limits.max_inflated_bytes} bytes"
        )
    if not inflater.eof:
        raise Unprocessable("truncated", "the deflated data set is cut short")
    return plain
