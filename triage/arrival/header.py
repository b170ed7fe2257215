"""What the catalogue keeps of a data set's header, read by the same bounded walk that let it in.

Promise: any bytes give either an InstanceHeader whose text Postgres can hold, or Unprocessable with a
reason. An attribute that does not decode is left out, because a study must not disappear over a broken
description; what stops an analysis (unreadable Rows, say) is named in `problem`.
"""

from __future__ import annotations

import re
import struct
import warnings
from collections.abc import Mapping
from typing import Any

from pydicom.charset import convert_encodings, decode_bytes

from triage.arrival.source import Reader, Undecodable
from triage.arrival.walk import RawValue, walk
from triage.domain.errors import Refused, Unprocessable
from triage.domain.identity import UID, parse_uid
from triage.domain.own_results import is_own_result
from triage.domain.study import InstanceHeader

_UIDS = {
    "sop_class_uid": 0x00080016,
    "sop_instance_uid": 0x00080018,
    "study_instance_uid": 0x0020000D,
    "series_instance_uid": 0x0020000E,
}
_TEXTS = {
    "modality": 0x00080060,
    "patient_id": 0x00100020,
    "issuer_of_patient_id": 0x00100021,
    "patient_name": 0x00100010,
    "patient_birth_date": 0x00100030,
    "patient_sex": 0x00100040,
    "accession_number": 0x00080050,
    "study_id": 0x00200010,
    "study_date": 0x00080020,
    "study_time": 0x00080030,
    "study_description": 0x00081030,
    "referring_physician_name": 0x00080090,
    "series_description": 0x0008103E,
    "body_part": 0x00180015,
    "view_position": 0x00185101,
    "manufacturer": 0x00080070,
    "photometric": 0x00280004,
}
_CHARACTER_SET = 0x00080005
_ROWS, _COLUMNS, _FRAMES = 0x00280010, 0x00280011, 0x00280008
_SERIES_NUMBER, _STUDY_RELATED_INSTANCES = 0x00200011, 0x00201208
_PRIORITY, _RETIRED_PRIORITY = 0x00401003, 0x0032000C
_WANTED = frozenset(
    (
        *_UIDS.values(),
        *_TEXTS.values(),
        *(_CHARACTER_SET, _ROWS, _COLUMNS, _FRAMES, _SERIES_NUMBER, _STUDY_RELATED_INSTANCES),
        *(_PRIORITY, _RETIRED_PRIORITY),
    )
)
_BIG_ENDIAN = "1.2.840.10008.1.2.2"
# Bytes of UTF-8, not characters: Postgres refuses an index entry beyond 2704 bytes.
_LONGEST = 1024
_LARGEST = 2**31 - 1
_INTEGER = re.compile(r"\s*([+-]?[0-9]{1,10})\s*")
# Control characters carry no meaning in a header; ESC has done its work once the text is decoded.
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f\ud800-\udfff]")
_PN_DELIMITERS = {0x5C, 0x5E, 0x3D}
_TEXT_DELIMITERS = {0x5C, 0x09, 0x0A, 0x0C, 0x0D}


def read_header(read: Reader, size: int, transfer_syntax: str) -> InstanceHeader:
    """Return the header of an encoded data set; raises Unprocessable when it cannot be catalogued."""
    try:
        found = walk(read, size, transfer_syntax, _WANTED)
    except Undecodable as refusal:
        raise Unprocessable(refusal.cause.value, "the data set cannot be decoded") from refusal
    values = {tag: entries[-1] for tag, entries in found.items()}
    identity = {name: _uid(values, tag) for name, tag in _UIDS.items()}
    encodings = _encodings(values)
    texts: dict[str, Any] = {name: _text(values, tag, encodings) for name, tag in _TEXTS.items()}
    big = transfer_syntax == _BIG_ENDIAN
    rows, columns = _short(values, _ROWS, big=big), _short(values, _COLUMNS, big=big)
    series_number = _integer(values, _SERIES_NUMBER)
    return InstanceHeader(
        **identity,
        **texts,
        transfer_syntax_uid=UID(transfer_syntax),
        series_number=series_number,
        rows=rows,
        columns=columns,
        frames=_frames(values),
        requested_priority=_text(values, _PRIORITY, encodings) or _text(values, _RETIRED_PRIORITY, encodings),
        study_related_instances=_integer(values, _STUDY_RELATED_INSTANCES),
        own_result=is_own_result(
            manufacturer=texts["manufacturer"],
            modality=texts["modality"],
            series_number=series_number,
            sop_instance_uid=identity["sop_instance_uid"],
        ),
        problem=_problem(values, rows, columns),
    )


def _uid(values: Mapping[int, RawValue], tag: int) -> UID:
    value = values.get(tag)
    if value is None or not value.data.strip(b"\0 "):
        raise Unprocessable("missing-uid", "the data set lacks a UID it must have")
    try:
        return parse_uid(value.data.decode("ascii"))
    except (UnicodeDecodeError, Refused) as illegal:
        raise Unprocessable("illegal-uid", "a UID of the data set is not a UID") from illegal


def _encodings(values: Mapping[int, RawValue]) -> list[str]:
    named = values.get(_CHARACTER_SET)
    terms = (
        [] if named is None else [term.strip() for term in named.data.decode("ascii", "replace").split("\\")]
    )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # they quote the value
            return convert_encodings([term.strip("\0") for term in terms] or [""])
    except (LookupError, ValueError, UnicodeError):
        return ["iso8859"]  # an unknown term: Latin-1 loses no byte


def _text(values: Mapping[int, RawValue], tag: int, encodings: list[str]) -> str:
    value = values.get(tag)
    if value is None:
        return ""
    delimiters = (
        _PN_DELIMITERS
        if tag in (_TEXTS["patient_name"], _TEXTS["referring_physician_name"])
        else _TEXT_DELIMITERS
    )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # they quote the value
            decoded = decode_bytes(value.data, encodings, delimiters)
    except (LookupError, ValueError, UnicodeError):
        decoded = value.data.decode("latin-1")
    return _CONTROL.sub("", decoded).encode()[:_LONGEST].decode(errors="ignore").strip()


def _short(values: Mapping[int, RawValue], tag: int, *, big: bool) -> int | None:
    value = values.get(tag)
    if value is None or len(value.data) < 2:
        return None
    return int(struct.unpack_from(">H" if big else "<H", value.data)[0])


def _integer(values: Mapping[int, RawValue], tag: int) -> int | None:
    value = values.get(tag)
    found = None if value is None else _INTEGER.fullmatch(value.data.decode("ascii", "replace").strip("\0"))
    number = None if found is None else int(found.group(1))
    return number if number is not None and abs(number) <= _LARGEST else None


def _frames(values: Mapping[int, RawValue]) -> int:
    number = _integer(values, _FRAMES)
    return 1 if number is None else max(0, number)


def _problem(values: Mapping[int, RawValue], rows: int | None, columns: int | None) -> str:
    for tag, name, number in ((_ROWS, "Rows", rows), (_COLUMNS, "Columns", columns)):
        if tag in values and number is None:
            return f"{name} holds no number"
    frames = values.get(_FRAMES)
    if frames is not None and frames.data.strip(b"\0 ") and _integer(values, _FRAMES) is None:
        return "Number of Frames holds no number"
    return ""
