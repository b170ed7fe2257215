"""PDUs as bytes: the short ones we send, and the split of a P-DATA-TF into its PDVs (PS3.8 9.3).

Refuses, as `Violation`, every length that does not add up; nothing is read beyond the PDU.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from triage.arrival.state import Event
from triage.arrival.status import Rejection

MOST_REQUEST = 128 * 1024
MOST_SHORT = 4
_HEADER = struct.Struct(">BxI")
_PDV = struct.Struct(">IBB")
_P_DATA = 4
RELEASE_REPLY = struct.pack(">BxI4x", 6, 4)

EVENT_OF_TYPE = {
    1: Event.EVT6,
    2: Event.EVT3,
    3: Event.EVT4,
    _P_DATA: Event.EVT10,
    5: Event.EVT12,
    6: Event.EVT13,
    7: Event.EVT16,
}
_FIXED_LENGTH = {3: MOST_SHORT, 5: MOST_SHORT, 6: MOST_SHORT, 7: MOST_SHORT}


class Violation(Exception):
    """The peer broke the protocol: the association ends with an abort (Evt19)."""


@dataclass(frozen=True, slots=True)
class Pdv:
    """One presentation data value; `data` is a window on the PDU's buffer."""

    context_id: int
    is_command: bool
    is_last: bool
    data: memoryview


def parse_header(header: memoryview, most_data: int) -> tuple[int, int]:
    """Return type and length of a PDU, or raise Violation before a byte of its body is read.

    `most_data`: the Maximum Length that we announced. 0 means that no association exists yet.
    """
    kind, length = _HEADER.unpack(header)
    if kind not in EVENT_OF_TYPE:
        raise Violation("unrecognised PDU type")
    if kind in _FIXED_LENGTH:
        most = _FIXED_LENGTH[kind]
    elif kind == _P_DATA:
        most = most_data
    else:
        most = MOST_REQUEST
    if length > most:
        raise Violation("PDU longer than negotiated")
    return kind, length


def pdvs(body: memoryview) -> Iterator[Pdv]:
    """Yield the PDVs of a P-DATA-TF's body; raises Violation when their lengths lie."""
    at, end = 0, len(body)
    while at < end:
        if end - at < _PDV.size:
            raise Violation("PDV header cut off")
        length, context_id, control = _PDV.unpack_from(body, at)
        stop = at + 4 + length
        if length < 2 or stop > end:
            raise Violation("PDV length does not fit its PDU")
        yield Pdv(context_id, bool(control & 1), bool(control & 2), body[at + _PDV.size : stop])
        at = stop


def data_pdu(context_id: int, command: bytes) -> bytes:
    """Return the P-DATA-TF that carries one whole command set."""
    length = len(command) + 2
    return _HEADER.pack(_P_DATA, length + 4) + _PDV.pack(length, context_id, 3) + command


def reject_pdu(rejection: Rejection) -> bytes:
    """Return an A-ASSOCIATE-RJ."""
    return struct.pack(">BxIxBBB", 3, 4, rejection.result, rejection.source, rejection.reason)


def abort_pdu(*, provider: bool, reason: int = 0) -> bytes:
    """Return an A-ABORT; the reason counts only when the provider speaks (PS3.8 Table 9-26)."""
    return struct.pack(">BxIxxBB", 7, 4, 2 if provider else 0, reason if provider else 0)
