"""A line between browser and site that can go silent as a router's does: open, and no word comes through."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

PIECE = 65536
FEED = b"GET /feed"


class Line:
    """Passes bytes on both ways; the feeds that are open when it is hushed are never heard again."""

    def __init__(self, site: str) -> None:
        host, port = site.removeprefix("http://").split(":")
        self._site = (host, int(port))
        self._door = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self._feeds: list[socket.socket] = []
        self._silent: list[socket.socket] = []
        self.address = f"http://127.0.0.1:{self._door.getsockname()[1]}"

    @property
    def feeds(self) -> int:
        """How many connections were ever asked for a feed."""
        return len(self._feeds)

    def hush(self) -> None:
        """Let the feeds that are open now fall silent, and close nothing."""
        self._silent = list(self._feeds)

    def take(self) -> None:
        """Take connections until closed."""
        with suppress(OSError):
            while True:
                near, _ = self._door.accept()
                far = socket.create_connection(self._site)
                self._open += [near, far]
                for ends in ((near, far), (far, near)):
                    threading.Thread(target=self._pass_on, args=ends, daemon=True).start()

    def close(self) -> None:
        """End every connection."""
        for one in (self._door, *self._open):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _pass_on(self, here: socket.socket, there: socket.socket) -> None:
        with suppress(OSError):
            while piece := here.recv(PIECE):
                if piece.startswith(FEED):
                    self._feeds.append(here)
                if there not in self._silent:
                    there.sendall(piece)
        with suppress(OSError):
            there.shutdown(socket.SHUT_WR)


@contextmanager
def line_to(site: str) -> Iterator[Line]:
    """Yield a line to the site's address."""
    line = Line(site)
    taking = threading.Thread(target=line.take, daemon=True)
    taking.start()
    try:
        yield line
    finally:
        line.close()
