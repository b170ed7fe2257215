"""DICOM file format around a received data set (PS3.10 7.1): our own preamble and file meta, nothing of the peer's.

The preamble is zero, so no executable travels in it (CVE-2019-11687). The data set's bytes follow
untouched; the group length says where they start.
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from pathlib import Path

from triage.domain.errors import Unprocessable

IMPLEMENTATION_CLASS_UID = "2.25.84121853204172337512853512871337425601"
IMPLEMENTATION_VERSION = "SPINE_TRIAGE_0_1"
_MAGIC = bytes(128) + b"DICM"
_GROUP_LENGTH = struct.Struct("<HH2sHI")
_MOST_META = 4096


@dataclass(frozen=True, slots=True)
class FileMeta:
    """What we write in group 0002; AE titles as (0002,0016), (0002,0017) and (0002,0018) have them."""

    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str
    calling_ae: str
    receiving_ae: str


def preface(meta: FileMeta) -> bytes:
    """Return preamble, prefix and file meta, ready to stand before the data set."""
    elements = b"".join(
        (
            struct.pack("<HH2sHI", 2, 0x0001, b"OB", 0, 2) + b"\0\1",
            _uid(0x0002, meta.sop_class_uid),
            _uid(0x0003, meta.sop_instance_uid),
            _uid(0x0010, meta.transfer_syntax_uid),
            _uid(0x0012, IMPLEMENTATION_CLASS_UID),
            _text(0x0013, b"SH", IMPLEMENTATION_VERSION),
            _text(0x0016, b"AE", meta.calling_ae),
            _text(0x0017, b"AE", meta.calling_ae),
            _text(0x0018, b"AE", meta.receiving_ae),
        )
    )
    return _MAGIC + _GROUP_LENGTH.pack(2, 0, b"UL", 4, len(elements)) + elements


def read_meta(path: Path) -> tuple[FileMeta, int]:
    """Return the file meta of one of our files and the offset of its data set.

    Raises Unprocessable('torn-file') for a file that is not whole up to there.
    """
    with path.open("rb", buffering=0) as stream:
        head = os.pread(stream.fileno(), len(_MAGIC) + _GROUP_LENGTH.size + _MOST_META, 0)
    start = len(_MAGIC) + _GROUP_LENGTH.size
    if len(head) < start or not head.startswith(_MAGIC):
        raise Unprocessable("torn-file", "the file has no DICOM prefix")
    group, element, vr, _, length = _GROUP_LENGTH.unpack_from(head, len(_MAGIC))
    if (group, element, vr) != (2, 0, b"UL") or length > min(_MOST_META, len(head) - start):
        raise Unprocessable("torn-file", "the file meta is not whole")
    values = _values(head[start : start + length])
    return FileMeta(
        *(values.get(tag, "") for tag in (0x0002, 0x0003, 0x0010, 0x0016, 0x0018))
    ), start + length


def _values(meta: bytes) -> dict[int, str]:
    values: dict[int, str] = {}
    at = 0
    while at + 8 <= len(meta):
        _, element, vr, length = struct.unpack_from("<HH2sH", meta, at)
        at += 8
        if vr == b"OB":
            length = struct.unpack_from("<I", meta, at)[0]
            at += 4
        values[element] = meta[at : at + length].rstrip(b"\0 ").decode("ascii", "replace")
        at += length
    return values


def _uid(element: int, value: str) -> bytes:
    return _padded(element, b"UI", value.encode("ascii"), b"\0")


def _text(element: int, vr: bytes, value: str) -> bytes:
    return _padded(element, vr, value.encode("ascii", "replace"), b" ")


def _padded(element: int, vr: bytes, value: bytes, pad: bytes) -> bytes:
    value += pad * (len(value) % 2)
    return struct.pack("<HH2sH", 2, element, vr, len(value)) + value
