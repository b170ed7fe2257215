"""A strict walk over an encoded data set: are all lengths true, and which values stand at the top?

Iterative and bounded (depth, elements, inflated bytes), so no nesting or length of a hostile file costs
stack or memory. Values below the top level are passed over, never built. pydicom 3.0 accepts a data set
that ends inside an element; this does not. Tolerates what real modalities do without harm: stray
delimiters, elements out of order, a missing last sequence delimiter of pixel data, trailing zeros.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from triage.arrival.source import InflateSource, Reader, Source, Undecodable
from triage.arrival.status import Cause

UNDEFINED = 0xFFFFFFFF
MOST_DEPTH = 128  # frames: an item and its sequence are two
MOST_ELEMENTS = 1_000_000
MOST_INFLATED = 512 * 1024 * 1024
MOST_VALUE = 4096
# VRs with a 32-bit length in Explicit VR (PS3.5 7.1.2); an unknown VR is taken to be short, as pydicom does.
_LONG = frozenset((b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"))
_BYTES = frozenset((b"OB", b"OD", b"OF", b"OL", b"OV", b"OW"))
_PIXEL_DATA = 0x7FE00010
_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
_FILE_META_GROUPS = frozenset((0x0000, 0x0002))
_DEFLATED = frozenset(("1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.4.95", "1.2.840.10008.1.2.4.205"))
_BIG_ENDIAN = "1.2.840.10008.1.2.2"
# GE's private syntax swaps the pixels alone; its elements are Implicit VR Little Endian.
_IMPLICIT = frozenset(("1.2.840.10008.1.2", "1.2.840.113619.5.2"))


@dataclass(frozen=True, slots=True)
class RawValue:
    """An element's value as encoded; `whole` is False when it was cut at MOST_VALUE."""

    vr: bytes
    data: bytes
    whole: bool = True


@dataclass(frozen=True, slots=True)
class _Encoding:
    implicit: bool
    big: bool


# What a level of the walk expects next.
_ELEMENTS, _ITEMS, _FRAGMENTS = range(3)
_LITTLE_IMPLICIT = _Encoding(implicit=True, big=False)
_LITTLE_EXPLICIT = _Encoding(implicit=False, big=False)
_SHORT_ELEMENT, _LENGTH = struct.Struct("<HH2sH"), struct.Struct("<I")
_NOT_PLAIN = _FILE_META_GROUPS | {0xFFFE}


def walk(read: Reader, size: int, transfer_syntax: str, wanted: frozenset[int]) -> dict[int, list[RawValue]]:
    """Walk the whole data set; return the wanted top-level values, in the order found.

    Raises Undecodable with its cause when the data set is cut off, lies or exceeds a limit.
    """
    if transfer_syntax in _DEFLATED:
        source: Source = InflateSource(read, size, MOST_INFLATED)
    else:
        source = Source(read, size)
    encoding = _Encoding(transfer_syntax in _IMPLICIT, transfer_syntax == _BIG_ENDIAN)
    return _Walk(source, _as_sent(source, encoding), wanted).run()


def _as_sent(source: Source, declared: _Encoding) -> _Encoding:
    # Some senders encode the other VR form than they negotiated; the first element tells (pydicom agrees).
    first = source.peek(6)
    if len(first) < 6:
        return declared
    explicit = first[4:6].isalpha() and first[4:6].isupper()
    return _Encoding(not explicit, declared.big)


class _Walk:
    def __init__(self, source: Source, encoding: _Encoding, wanted: frozenset[int]) -> None:
        self._source = source
        self._wanted = wanted
        self._levels: list[tuple[int, _Encoding]] = [(_ELEMENTS, encoding)]
        self.found: dict[int, list[RawValue]] = {}

    def run(self) -> dict[int, list[RawValue]]:
        passed = 0
        while passed < MOST_ELEMENTS:
            kind, encoding = self._levels[-1]
            if len(self._levels) == 1 and encoding == _LITTLE_EXPLICIT:
                passed += self._plain_elements()
            head = self._head()
            if not head:
                return self.found
            if kind == _ELEMENTS:
                self._element(head, encoding)
            else:
                self._item(head, kind, encoding)
            passed += 1
        raise Undecodable(Cause.TOO_MANY_ELEMENTS)

    def _plain_elements(self) -> int:
        """Pass over what needs no further thought, and count it: values in the window that nobody wants.

        Every other element goes the long way, which costs several times as much.
        """
        window, at = self._source.window()
        ends, wanted, passed = len(window) - 12, self._wanted, 0
        while at <= ends:
            group, number, vr, length = _SHORT_ELEMENT.unpack_from(window, at)
            following = at + 8
            if vr in _LONG:
                length = _LENGTH.unpack_from(window, following)[0]
                following += 4
            following += length
            if group in _NOT_PLAIN or following > len(window) or group << 16 | number in wanted:
                break
            at = following
            passed += 1
        self._source.moved_to(at)
        return passed

    def _head(self) -> bytes:
        """Return the next 8 bytes, or b'' when the data set ends where it may."""
        head = self._source.peek(8)
        if len(head) == 8 and (any(head) or not self._source.rest_is_padding()):
            return self._source.take(8)
        if head.strip(b"\0"):
            raise Undecodable(Cause.TRUNCATED)
        # Old encoders leave out the delimiter after the last fragment of the pixel data.
        if len(self._levels) > 1 and not (len(self._levels) == 2 and self._levels[-1][0] == _FRAGMENTS):
            raise Undecodable(Cause.TRUNCATED)
        return b""

    def _element(self, head: bytes, encoding: _Encoding) -> None:
        order = ">" if encoding.big else "<"
        group, number = struct.unpack_from(order + "HH", head)
        tag = group << 16 | number
        if group == 0xFFFE or encoding.implicit:
            vr, length = b"", struct.unpack_from(order + "I", head, 4)[0]
        else:
            vr = head[4:6]
            length = self._explicit_length(head, vr, order)
        if group == 0xFFFE:
            self._delimiter(tag, length)
            return
        if len(self._levels) == 1:
            if group in _FILE_META_GROUPS:
                raise Undecodable(Cause.FILE_META_INSIDE)
            if tag in self._wanted and length != UNDEFINED:
                self._keep(tag, vr, length)
                return
        if length == UNDEFINED:
            self._descend(tag, vr, encoding)
        else:
            self._source.skip(length)

    def _explicit_length(self, head: bytes, vr: bytes, order: str) -> int:
        if vr not in _LONG:
            return int(struct.unpack_from(order + "H", head, 6)[0])
        rest = self._source.take(4)
        if not rest:
            raise Undecodable(Cause.TRUNCATED)
        return int(struct.unpack(order + "I", rest)[0])

    def _delimiter(self, tag: int, length: int) -> None:
        if tag == _ITEM_END and len(self._levels) > 1:
            self._levels.pop()
        elif length != UNDEFINED:  # stray at the top level: harmless, and pydicom passes over it too
            self._source.skip(length)

    def _descend(self, tag: int, vr: bytes, encoding: _Encoding) -> None:
        if tag == _PIXEL_DATA or vr in _BYTES:
            self._push(_FRAGMENTS, encoding)
        elif vr == b"UN":  # PS3.5 6.2.2: a sequence, encoded Implicit VR Little Endian
            self._push(_ITEMS, _LITTLE_IMPLICIT)
        else:
            self._push(_ITEMS, encoding)

    def _item(self, head: bytes, kind: int, encoding: _Encoding) -> None:
        order = ">" if encoding.big else "<"
        group, number, length = struct.unpack(order + "HHI", head)
        tag = group << 16 | number
        if tag == _SEQUENCE_END:
            self._levels.pop()
        elif tag != _ITEM:
            raise Undecodable(Cause.MALFORMED)
        elif length != UNDEFINED:
            self._source.skip(length)
        elif kind == _FRAGMENTS:
            raise Undecodable(Cause.MALFORMED)
        else:
            self._push(_ELEMENTS, encoding)

    def _push(self, kind: int, encoding: _Encoding) -> None:
        if len(self._levels) > MOST_DEPTH:
            raise Undecodable(Cause.NESTED_TOO_DEEP)
        self._levels.append((kind, encoding))

    def _keep(self, tag: int, vr: bytes, length: int) -> None:
        data = self._source.take(min(length, MOST_VALUE)) if length else b""
        if len(data) < min(length, MOST_VALUE):
            raise Undecodable(Cause.TRUNCATED)
        self._source.skip(length - len(data))
        # A tag repeated for ever must not fill the memory; first and last are enough to see a contradiction.
        values = self.found.get(tag, [])
        if not values or values[-1].data != data:
            self.found[tag] = [*values[:1], RawValue(vr, data, len(data) == length)]
