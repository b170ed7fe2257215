"""Hop 9, the identity: whose study this is, copied from the source as bytes under the source's character set.

Promise: patient and study elements of a result equal the source's byte for byte, so an archive files it with the
study and no name is re-encoded (results.md 5.9). Refuses, with Unprocessable, a study whose images name different
patients (a result under the wrong name is the worst error we can make) and an identity that no element can hold.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pydicom.datadict import dictionary_VR
from pydicom.dataset import Dataset

from triage.domain.errors import Unprocessable
from workers.report import header, wire

_CHARACTER_SET = header.tag("SpecificCharacterSet")
_TEXT_VRS = frozenset(
    {"AE", "AS", "CS", "DA", "DS", "DT", "IS", "LO", "LT", "PN", "SH", "ST", "TM", "UC", "UI", "UR", "UT"}
)  # fmt: skip
# Equipment is no identity: a text longer than LO allows is left out rather than repeated.
_EQUIPMENT_LIMIT = 64
_DEPTH_LIMIT = 3
_ITEM_LIMIT = 16
# Without these two a result could be filed under nobody: they must fit or the object is not made.
_INDISPENSABLE = frozenset({"PatientID", "PatientName"})
# PS3.3 C.7.1.1 and C.7.2.1 type 2: present even when the source left them out.
# fmt: off
_TYPE_2 = (
    "PatientName", "PatientID", "PatientBirthDate", "PatientSex",
    "StudyDate", "StudyTime", "ReferringPhysicianName", "StudyID", "AccessionNumber",
)
# fmt: on


def verbatim(source: Dataset) -> Mapping[int, bytes]:
    """Return tag -> encoded element of the source's identity, ready for `wire.part10`."""
    found: dict[int, bytes] = {}
    for keyword in ("SpecificCharacterSet", *header.IDENTITY_TEXT):
        value = header.raw(source, keyword)
        if value is None and keyword in _TYPE_2:
            value = b""
        if value is not None and _may_leave(keyword, value):
            number = header.tag(keyword)
            found[number] = wire.element_bytes(number, _vr(number), value)
    for keyword in header.IDENTITY_SEQUENCES:
        encoded = _sequence(header.tag(keyword), header.items(source, keyword))
        if encoded is not None:
            found[header.tag(keyword)] = encoded
    return found


def acquisition_equipment(source: Dataset, purpose: Dataset) -> bytes | None:
    """Return the encoded Contributing Equipment item of the device that made the source image.

    None when the source names no manufacturer, which the item must (type 1).
    """
    found = {}
    for keyword in header.EQUIPMENT_TEXT:
        value = header.raw(source, keyword)
        if value and all(len(piece) <= _EQUIPMENT_LIMIT for piece in value.split(b"\\")):
            found[header.tag(keyword)] = value
    if header.tag("Manufacturer") not in found:
        return None
    pieces = {number: wire.element_bytes(number, _vr(number), value) for number, value in found.items()}
    number = header.tag("PurposeOfReferenceCodeSequence")
    pieces[number] = wire.sequence_bytes(number, [wire.dataset_bytes(purpose)])
    return b"".join(pieces[number] for number in sorted(pieces))


def demand_one_patient(sources: Iterable[Dataset]) -> None:
    """Raise Unprocessable when the images of one study carry different Patient IDs."""
    named = {(header.raw(source, "PatientID") or b"") for source in sources}
    if len(named) > 1:
        raise Unprocessable("patient-id-conflict", "the images of this study carry different patient IDs")


def _may_leave(keyword: str, value: bytes) -> bool:
    if wire.fits(_vr(header.tag(keyword)), value):
        return True
    if keyword in _INDISPENSABLE:
        raise Unprocessable(
            "identity-too-long", "the patient's name or ID is longer than an element can hold"
        )
    return False


def _vr(number: int) -> str:
    return dictionary_VR(number)


def _sequence(number: int, items: tuple[Dataset, ...], depth: int = 0) -> bytes | None:
    """Encode the text of `items`; elements that are no text are left out, they identify nobody."""
    if not items or depth > _DEPTH_LIMIT:
        return None
    encoded = [_item(item, depth) for item in items[:_ITEM_LIMIT]]
    return wire.sequence_bytes(number, [item for item in encoded if item])


def _item(item: Dataset, depth: int) -> bytes:
    pieces: list[bytes] = []
    for number in sorted(int(found) for found in item.keys()):  # noqa: SIM118 - iterating would parse the values
        if number >> 16 & 1:
            continue
        piece = _piece(item, number, depth)
        if piece is not None:
            pieces.append(piece)
    return b"".join(pieces)


def _piece(item: Dataset, number: int, depth: int) -> bytes | None:
    try:
        vr = _vr(number)
        element = item.get_item(number)
        if vr == "SQ":
            return _sequence(number, tuple(item[number].value), depth + 1)
    except (*header.ODD_HEADER, OSError):  # as in header.items
        return None
    value = element.value
    if vr not in _TEXT_VRS or not isinstance(value, bytes):
        return None
    value = value.rstrip(b"\0 ")
    return wire.element_bytes(number, vr, value) if wire.fits(vr, value) else None
