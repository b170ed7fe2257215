"""Hop 9, the bytes: Explicit VR Little Endian, written element by element.

Promise: what was copied from the source leaves as the bytes it came in (an escape sequence, a GB18030 pair or
a wrong byte survives), and everything of our own is ASCII, which every specific character set of PS3.3 C.12.1.1.2
can carry. pydicom would decode and re-encode both. Refuses text of our own outside ASCII.
"""

from __future__ import annotations

import struct
import unicodedata
from collections.abc import Mapping, Sequence

from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import correct_ambiguous_vr, write_data_element, write_dataset, write_file_meta_info
from pydicom.uid import UID, ExplicitVRLittleEndian

_LONG_LENGTH = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"})
_SHORT_LENGTH_LIMIT = 0xFFFE
_ITEM = b"\xfe\xff\x00\xe0"
_SUBSTITUTES = str.maketrans(
    {"–": "-", "—": "-", "−": "-", "’": "'", "‘": "'", "“": '"', "”": '"', "°": " deg "}
)


def plain(text: str, limit: int = 1024) -> str:
    """Return `text` in printable ASCII, at most `limit` characters."""
    folded = unicodedata.normalize("NFKD", text.translate(_SUBSTITUTES))
    kept = (letter for letter in folded if not unicodedata.combining(letter))
    return "".join(letter if " " <= letter <= "~" else "?" for letter in kept).strip()[:limit]


def fits(vr: str, value: bytes) -> bool:
    """Return whether Explicit VR can carry `value` under `vr` (PS3.5 7.1.2: 16-bit length for most)."""
    return vr in _LONG_LENGTH or len(value) <= _SHORT_LENGTH_LIMIT


def element_bytes(tag: int, vr: str, value: bytes) -> bytes:
    """Return one encoded element; `value` is padded to even length with the pad character of its VR."""
    if len(value) % 2:
        value += b"\0" if vr in {"UI", "OB", "UN"} else b" "
    head = struct.pack("<HH", tag >> 16, tag & 0xFFFF) + vr.encode("ascii")
    if vr in _LONG_LENGTH:
        return head + struct.pack("<HI", 0, len(value)) + value
    return head + struct.pack("<H", len(value)) + value


def sequence_bytes(tag: int, items: Sequence[bytes]) -> bytes:
    """Return one encoded sequence of already encoded items."""
    return element_bytes(tag, "SQ", b"".join(_ITEM + struct.pack("<I", len(item)) + item for item in items))


def dataset_bytes(dataset: Dataset) -> bytes:
    """Return the encoded elements of a data set of our own; raises UnicodeEncodeError outside ASCII."""
    for element in dataset.iterall():
        _demand_ascii(element)
    buffer = _explicit_little_endian()
    write_dataset(buffer, dataset)
    return buffer.getvalue()


def part10(meta: FileMetaDataset, dataset: Dataset, verbatim: Mapping[int, bytes]) -> bytes:
    """Return a Part 10 file: `dataset` in tag order, with `verbatim` (tag -> encoded element) in place of its own."""
    complete = correct_ambiguous_vr(dataset, True)
    own = {int(element.tag): element for element in complete if int(element.tag) not in verbatim}
    pieces = [
        verbatim[tag] if tag in verbatim else _own_element(own[tag]) for tag in sorted({*own, *verbatim})
    ]
    head = DicomBytesIO()
    head.write(b"\0" * 128 + b"DICM")
    write_file_meta_info(head, meta, enforce_standard=True)
    return b"".join((head.getvalue(), *pieces))


def file_meta(sop_class_uid: str, sop_instance_uid: str, implementation: tuple[str, str]) -> FileMetaDataset:
    """Return the file meta information of an object of ours."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = UID(sop_class_uid)
    meta.MediaStorageSOPInstanceUID = UID(sop_instance_uid)
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.ImplementationClassUID, meta.ImplementationVersionName = UID(implementation[0]), implementation[1]
    return meta


def _own_element(element: DataElement) -> bytes:
    _demand_ascii(element)
    if element.VR == "SQ":
        return sequence_bytes(int(element.tag), [dataset_bytes(item) for item in element.value])
    buffer = _explicit_little_endian()
    write_data_element(buffer, element)
    return buffer.getvalue()


def _demand_ascii(element: DataElement) -> None:
    if element.VR in {"SQ", "OB", "OW", "UN"}:
        return
    str(element.value).encode("ascii")


def _explicit_little_endian() -> DicomBytesIO:
    buffer = DicomBytesIO()
    buffer.is_implicit_VR = False
    buffer.is_little_endian = True
    return buffer
