"""Bytes off one connection, each PDU against its own deadline.

A peer that sends one byte at a time gains nothing: the deadline belongs to the whole PDU, not to a
recv. A plain socket waits in the kernel for all the bytes it was asked for (MSG_WAITALL), so a large
PDU costs two system calls and no lock of the interpreter.
"""

from __future__ import annotations

import socket
import ssl
import struct
import time
from typing import Protocol

HEADER = 6
_TIMEVAL = struct.Struct("@ll")


class Closed(Exception):
    """The peer closed or broke the connection (Evt17)."""


class Late(Exception):
    """A deadline passed before the bytes were there."""


class Wire(Protocol):
    """A connection that reads exactly and sends wholly."""

    def start(self, deadline: float) -> None:
        """Do what must happen before the first PDU, TLS above all."""

    def read(self, view: memoryview, deadline: float, within: float | None = None) -> None:
        """Fill `view`. From its first byte on, `within` seconds are allowed if given."""

    def discard(self, view: memoryview, deadline: float) -> int:
        """Read away whatever is there into `view`, at least a byte; return how many."""

    def send(self, data: bytes) -> None:
        """Send all of `data` or raise Closed or Late."""

    def half_close(self) -> None:
        """Wake a reader in another thread: it sees the end of the stream."""

    def close(self) -> None:
        """Close the socket."""


def _timeval(seconds: float) -> bytes:
    return _TIMEVAL.pack(int(seconds), int(seconds % 1 * 1e6) or (1 if seconds < 1 else 0))


def prepare(connection: socket.socket, send_timeout_s: float) -> None:
    """Set what every accepted socket needs: no Nagle delay, and an end to peers that vanished."""
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 20)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 5)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 30_000)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, _timeval(send_timeout_s))


class PlainWire:
    """TCP without TLS. `slice_s` is how often a waiting read looks at its deadline."""

    def __init__(self, connection: socket.socket, slice_s: float) -> None:
        self._socket = connection
        connection.settimeout(None)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, _timeval(slice_s))

    def start(self, deadline: float) -> None:
        """Nothing to do."""

    def read(self, view: memoryview, deadline: float, within: float | None = None) -> None:
        """Fill `view`; see Wire."""
        done = 0
        if within is not None:
            done = self.discard(view, deadline)
            deadline = time.monotonic() + within
        while done < len(view):
            done += self._receive(view[done:], deadline, socket.MSG_WAITALL)

    def discard(self, view: memoryview, deadline: float) -> int:
        """See Wire."""
        while True:
            got = self._receive(view, deadline, 0)
            if got:
                return got

    def _receive(self, view: memoryview, deadline: float, flags: int) -> int:
        """Return how many bytes came within one slice, 0 for none; raises Closed, or Late past the deadline."""
        try:
            got = self._socket.recv_into(view, 0, flags)
        except BlockingIOError:
            got = -1
        except OSError as broken:
            raise Closed from broken
        if got == 0:
            raise Closed
        if (got < 0 or (flags and got < len(view))) and time.monotonic() >= deadline:
            raise Late
        return max(0, got)

    def send(self, data: bytes) -> None:
        """Send all of `data`; a peer that does not read is given up after SO_SNDTIMEO."""
        try:
            self._socket.sendall(data)
        except BlockingIOError as full:
            raise Late from full
        except OSError as broken:
            raise Closed from broken

    def half_close(self) -> None:
        """See Wire."""
        _shut_reading(self._socket)

    def close(self) -> None:
        """See Wire."""
        self._socket.close()


class TlsWire:
    """TLS: the handshake happens here, in the connection's own thread, against a deadline."""

    def __init__(self, connection: socket.socket, context: ssl.SSLContext, slice_s: float) -> None:
        self._plain = connection
        self._context = context
        self._slice_s = slice_s
        self._socket: ssl.SSLSocket | None = None

    def start(self, deadline: float) -> None:
        """Shake hands. CPython counts the timeout over the whole handshake, so a drip cannot stretch it."""
        self._plain.settimeout(max(0.01, deadline - time.monotonic()))
        try:
            self._socket = self._context.wrap_socket(
                self._plain, server_side=True, do_handshake_on_connect=False, suppress_ragged_eofs=True
            )
            self._socket.do_handshake()
        except TimeoutError:
            raise Late from None
        except (OSError, ValueError) as broken:
            raise Closed from broken

    def read(self, view: memoryview, deadline: float, within: float | None = None) -> None:
        """Fill `view`; see Wire."""
        done = self.discard(view, deadline)
        if within is not None:
            deadline = time.monotonic() + within
        while done < len(view):
            done += self.discard(view[done:], deadline)

    def discard(self, view: memoryview, deadline: float) -> int:
        """See Wire."""
        connection = self._connected()
        while True:
            left = deadline - time.monotonic()
            if left <= 0:
                raise Late
            connection.settimeout(min(left, self._slice_s))
            try:
                got = connection.recv_into(view)
            except TimeoutError:
                continue
            except (OSError, ValueError) as broken:
                raise Closed from broken
            if got == 0:
                raise Closed
            return got

    def send(self, data: bytes) -> None:
        """See Wire."""
        connection = self._connected()
        try:
            connection.settimeout(self._slice_s)
            connection.sendall(data)
        except TimeoutError as full:
            raise Late from full
        except (OSError, ValueError) as broken:
            raise Closed from broken

    def half_close(self) -> None:
        """See Wire."""
        _shut_reading(self._socket or self._plain)

    def close(self) -> None:
        """See Wire."""
        (self._socket or self._plain).close()

    def _connected(self) -> ssl.SSLSocket:
        if self._socket is None:
            raise Closed
        return self._socket


def _shut_reading(connection: socket.socket) -> None:
    try:
        # The plain method: an SSLSocket's own shutdown would drop its TLS state under the reader's feet.
        socket.socket.shutdown(connection, socket.SHUT_RD)
    except OSError:
        return  # already gone, which is what was asked for
