"""One log stream for the tree: each line prefixed with its process, and kept in a file per process.

Promises bounded lines and bounded files; the text itself is the processes' own and holds no patient data.
"""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path
from typing import BinaryIO, TextIO

LINE_BYTES = 65_536
FILE_BYTES = 20 * 1024 * 1024


class LogFile:
    """A file that starts anew at FILE_BYTES and keeps one older file beside it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stream = self._open()

    def _open(self) -> BinaryIO:
        return open(os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), "wb", buffering=0)

    def write(self, line: bytes) -> None:
        """Append one line. A full disk must not stop the supervisor, so its errors are dropped."""
        with contextlib.suppress(OSError):
            if self._stream.tell() > FILE_BYTES:
                self._stream.close()
                self._path.replace(self._path.with_suffix(".log.1"))
                self._stream = self._open()
            self._stream.write(line + b"\n")

    def close(self) -> None:
        """Close the file."""
        self._stream.close()


class Lines:
    """Cuts a process's output into lines for its file, if it is to be kept, and for the console."""

    def __init__(self, name: str, file: LogFile | None, console: Console, *, plain: bool) -> None:
        self._name = name
        self._file = file
        self._console = console
        self._plain = plain
        self._rest = b""

    def feed(self, piece: bytes) -> None:
        """Take what was read from the pipe; an empty piece is the end and flushes the rest."""
        *lines, self._rest = (self._rest + piece).split(b"\n")
        if self._rest and (not piece or len(self._rest) > LINE_BYTES):
            lines, self._rest = [*lines, self._rest], b""
        for line in lines:
            if self._file is not None:
                self._file.write(line[:LINE_BYTES])
            text = line[:LINE_BYTES].decode("utf-8", "replace").rstrip()
            if self._plain:
                self._console.say(text)
            else:
                self._console.log(self._name, text)


class Console:
    """The person's terminal: messages always, the processes' logs only when asked for."""

    def __init__(self, stream: TextIO | None = None, *, logs: bool = True) -> None:
        self._stream = stream or sys.stderr
        self._logs = logs

    def say(self, text: str) -> None:
        """Print a message for the person."""
        # The terminal may be gone (SIGHUP, closed pipe); draining goes on without it.
        with contextlib.suppress(OSError, ValueError):
            self._stream.write(text + "\n")
            self._stream.flush()

    def log(self, name: str, line: str) -> None:
        """Print one line of a process's log."""
        if self._logs:
            self.say(f"{name:<12} | {line}")
