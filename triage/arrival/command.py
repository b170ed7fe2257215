"""DIMSE command sets: Implicit VR Little Endian, group 0000, small (PS3.7 6.3 and Annex E).

Refuses, as `Violation`, a command that is not a well-formed set of group 0000 elements.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from triage.arrival.pdu import Violation
from triage.arrival.status import Status

MOST_COMMAND = 16 * 1024
NO_DATA_SET = 0x0101
C_STORE_RQ, C_ECHO_RQ, C_CANCEL_RQ = 0x0001, 0x0030, 0x0FFF
_RESPONSE = 0x8000
_ELEMENT = struct.Struct("<HHI")
_US = struct.Struct("<H")
_MOST_UID = 64


@dataclass(frozen=True, slots=True)
class Command:
    """A request as sent; UIDs are raw bytes without padding, empty when absent."""

    field: int
    message_id: int
    has_data_set: bool
    sop_class: bytes
    sop_instance: bytes

    @property
    def is_response(self) -> bool:
        """True for a response, which nobody may send to an acceptor that asked for nothing."""
        return bool(self.field & _RESPONSE)


def parse(encoded: bytes | bytearray) -> Command:
    """Return the request in a command set; raises Violation when it is none."""
    values: dict[int, bytes] = {}
    at = 0
    while at < len(encoded):
        if len(encoded) - at < _ELEMENT.size:
            raise Violation("command set cut off")
        group, element, length = _ELEMENT.unpack_from(encoded, at)
        at += _ELEMENT.size
        if group != 0 or length > len(encoded) - at:
            raise Violation("command set does not decode")
        values[element] = bytes(encoded[at : at + length])
        at += length
    field = _number(values, 0x0100)
    # C-CANCEL carries only (0000,0120), and no other message is answered without (0000,0110).
    message_id = 0 if field == C_CANCEL_RQ else _number(values, 0x0110)
    return Command(
        field,
        message_id,
        _number(values, 0x0800) != NO_DATA_SET,
        values.get(0x0002, b"").rstrip(b"\0 "),
        values.get(0x1000, b"").rstrip(b"\0 "),
    )


def response(request: Command, status: Status) -> bytes:
    """Return the encoded response to a request, with its Error Comment where there is one."""
    elements = b"".join(
        (
            _uid(0x0002, request.sop_class),
            _element(0x0100, _US.pack(request.field | _RESPONSE)),
            _element(0x0120, _US.pack(request.message_id)),
            _element(0x0800, _US.pack(NO_DATA_SET)),
            _element(0x0900, _US.pack(status.code)),
            _element(0x0902, _padded(status.comment.encode("ascii"), b" ")) if status.comment else b"",
            _uid(0x1000, request.sop_instance),
        )
    )
    return _element(0x0000, struct.pack("<I", len(elements))) + elements


def _number(values: dict[int, bytes], element: int) -> int:
    value = values.get(element, b"")
    if len(value) != _US.size:
        raise Violation("command set lacks a mandatory number")
    return int(_US.unpack(value)[0])


def _uid(element: int, value: bytes) -> bytes:
    # Echoed as sent so that the peer recognises its object; an overlong one is left out.
    return _element(element, _padded(value, b"\0")) if 0 < len(value) <= _MOST_UID else b""


def _padded(value: bytes, pad: bytes) -> bytes:
    return value + pad * (len(value) % 2)


def _element(element: int, value: bytes) -> bytes:
    return _ELEMENT.pack(0, element, len(value)) + value
