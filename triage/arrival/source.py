"""A data set as a stream of bounded reads, from a file or through inflate, for the header walk.

Memory stays at one window whatever the file says; skipping a value in a file costs nothing.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable

from triage.arrival.status import Cause

WINDOW = 16 * 1024
_MOST_STEP = 256 * 1024

Reader = Callable[[int, int], bytes]


class Undecodable(Exception):
    """The data set cannot be read within the limits; `cause` says which."""

    def __init__(self, cause: Cause) -> None:
        super().__init__(cause.value)
        self.cause = cause


class Source:
    """Reads forward through `read(offset, length)` over `size` bytes."""

    def __init__(self, read: Reader, size: int) -> None:
        self._read = read
        self._size = size
        self._next = 0  # offset of the first byte after the window
        self._window = b""
        self._at = 0

    def peek(self, length: int) -> bytes:
        """Return the next bytes without passing them; fewer at the end."""
        if len(self._window) - self._at < length:
            self._refill(length)
        return self._window[self._at : self._at + length]

    def take(self, length: int) -> bytes:
        """Return exactly the next `length` bytes, or b'' at the very end; raises Undecodable when cut off."""
        found = self.peek(length)
        if len(found) < length and found:
            raise Undecodable(Cause.TRUNCATED)
        self._at += len(found)
        return found

    def skip(self, length: int) -> None:
        """Pass over a value; raises Undecodable when it reaches beyond the end."""
        inside = len(self._window) - self._at
        if length <= inside:
            self._at += length
            return
        self._window, self._at = b"", 0
        self._jump(length - inside)

    def window(self) -> tuple[bytes, int]:
        """Return the bytes at hand and where in them the next one is; give what was passed to `moved_to`."""
        return self._window, self._at

    def moved_to(self, at: int) -> None:
        """Go on from a place inside the window."""
        self._at = at

    def rest_is_padding(self) -> bool:
        """Tell whether only a few zero bytes are left, which some senders append."""
        rest = self.peek(WINDOW)
        return len(rest) < WINDOW and not rest.strip(b"\0")

    def _jump(self, length: int) -> None:
        if self._next + length > self._size:
            raise Undecodable(Cause.TRUNCATED)
        self._next += length

    def _refill(self, length: int) -> None:
        fresh = self._read(self._next, min(max(length, WINDOW), self._size - self._next))
        self._next += len(fresh)
        self._window, self._at = self._window[self._at :] + fresh, 0


class InflateSource(Source):
    """The same over a deflated data set (PS3.5 A.5): at most `most` bytes are ever inflated."""

    def __init__(self, read: Reader, size: int, most: int) -> None:
        super().__init__(read, size)
        self._inflate = zlib.decompressobj(-zlib.MAX_WBITS)
        self._left = most

    def _refill(self, length: int) -> None:
        pieces = [self._window[self._at :]]
        missing = max(length, WINDOW) - len(pieces[0])
        while missing > 0 and (piece := self._step(min(missing, _MOST_STEP))):
            pieces.append(piece)
            missing -= len(piece)
        self._window, self._at = b"".join(pieces), 0

    def _jump(self, length: int) -> None:
        while length:
            piece = self._step(min(length, _MOST_STEP))
            if not piece:
                raise Undecodable(Cause.TRUNCATED)
            length -= len(piece)

    def _step(self, most: int) -> bytes:
        while not self._inflate.eof:
            fed = self._inflate.unconsumed_tail
            if not fed:
                fed = self._read(self._next, min(WINDOW, self._size - self._next))
                self._next += len(fed)
            try:
                piece = self._inflate.decompress(fed, most)
            except zlib.error as broken:
                raise Undecodable(Cause.MALFORMED) from broken
            self._left -= len(piece)
            if self._left < 0:
                raise Undecodable(Cause.INFLATES_TOO_FAR)
            if piece:
                return piece
            if not fed:
                raise Undecodable(Cause.TRUNCATED)
        return b""
