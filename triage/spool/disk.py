"""System calls of the spool: every trouble becomes Unavailable, every sync uses a fresh descriptor."""

from __future__ import annotations

import errno
import hashlib
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from triage.domain.errors import Unavailable

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_NO_FILES = frozenset({errno.EMFILE, errno.ENFILE})
_BLOCK = 1 << 20
_IDLE_S = 10.0


def unavailable(trouble: OSError) -> Unavailable:
    """Return the operating system's trouble as Unavailable with one of three reasons."""
    code = trouble.errno or 0
    reason = "spool-full" if code in _FULL else "no-files" if code in _NO_FILES else "spool-broken"
    return Unavailable(reason, f"the spool cannot store ({os.strerror(code)})")


@contextmanager
def disk() -> Iterator[None]:
    """Raise the operating system's trouble as Unavailable."""
    try:
        yield
    except OSError as trouble:
        raise unavailable(trouble) from trouble


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable; raises OSError."""
    # A fresh descriptor every time: after an error the kernel may report success on the old one.
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def hash_from(path: Path, offset: int) -> str:
    """Return the SHA-256 of a file's bytes from `offset` on, in hexadecimal, with bounded memory."""
    running = hashlib.sha256()
    with disk(), path.open("rb", buffering=0) as stream:
        stream.seek(offset)
        while block := stream.read(_BLOCK):
            running.update(block)
    return running.hexdigest()


class FolderSync:
    """Syncs one folder in a thread of its own, once for everybody who asks meanwhile (group commit).

    A caller asks, syncs its own file, then waits: both flushes travel to the device together, which halves
    the latency of a store on one association (figures in ops/decisions/0003).
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._changed = threading.Condition()
        self._asked = 0
        self._done = 0
        self._failures: dict[int, OSError] = {}
        self._thread: threading.Thread | None = None

    def ask(self) -> int:
        """Ask for a sync that begins after this call; return its ticket."""
        with self._changed:
            if self._thread is None or not self._thread.is_alive():  # not alive: this is a forked child
                self._thread = threading.Thread(target=self._serve, name="folder-sync", daemon=True)
                self._thread.start()
            self._asked += 1
            self._changed.notify_all()
            return self._asked

    def wait(self, ticket: int) -> None:
        """Wait until that sync is done; raises the OSError it ended with."""
        with self._changed:
            while self._done < ticket:
                self._changed.wait()
            failure = self._failures.pop(ticket, None)
        if failure is not None:
            raise failure

    def _serve(self) -> None:
        while True:
            with self._changed:
                while self._done == self._asked:
                    if not self._changed.wait(_IDLE_S) and self._done == self._asked:
                        self._thread = None  # the next to ask starts another
                        return
                first, last = self._done + 1, self._asked
            failure = _attempt(self._folder)
            with self._changed:
                if failure is not None:
                    self._failures.update(dict.fromkeys(range(first, last + 1), failure))
                self._done = last
                self._changed.notify_all()


def _attempt(folder: Path) -> OSError | None:
    try:
        sync_folder(folder)
    except OSError as trouble:
        return trouble
    return None


def stamp() -> str:
    """Return 32 hexadecimal digits that sort by arrival: the first of two contents stays the current one."""
    return f"{time.time_ns():016x}{os.urandom(8).hex()}"
