"""Bytes into a file past the page cache: whole aligned blocks, one being written while the next fills.

What is received is hashed, written and synced once and read much later by another process, so a copy in the
page cache costs more than it saves (figures in ops/decisions/0003). A file system that knows no direct
writes (tmpfs) gets ordinary ones. Every trouble with the disk is an OSError, at the latest from `finish`.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import mmap
import os
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

BLOCK = 1 << 20
# The first write of a file begins early where a core is idle: it is on its way while the rest of a small object arrives.
FIRST = 1 << 18
# Offsets, lengths and addresses of a direct write are multiples of the device's logical block: 512 or 4096.
_UNIT = 4096
_SPARE_BLOCKS = 16
# The header of almost every object: the walk over it need not read the disk.
_HEAD = 64 * 1024
_CORES = os.cpu_count() or 1


class Blocks:
    """Page-aligned buffers of BLOCK bytes, used again and again, and the threads that write them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._spare: list[memoryview] = []
        self._threads: ThreadPoolExecutor | None = None
        self._owner = 0
        self._open = 0

    def opened(self, by: int) -> None:
        """Count the files that are being written."""
        with self._lock:
            self._open += by

    @property
    def idle(self) -> bool:
        """Tell whether a core is left to write on, beside those that have a file to receive."""
        return self._open < _CORES

    def take(self) -> memoryview:
        """Return a buffer with arbitrary content."""
        with self._lock:
            if self._spare:
                return self._spare.pop()
        return memoryview(mmap.mmap(-1, BLOCK, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS))

    def give(self, block: memoryview) -> None:
        """Take a buffer back."""
        with self._lock:
            if len(self._spare) < _SPARE_BLOCKS:
                self._spare.append(block)

    def run(self, write: Callable[[], None]) -> Future[None]:
        """Start a write in a thread of its own; where every core has a file to write, or no thread is to be had, do it here."""
        told: Future[None] = Future()
        if self.idle:
            try:
                with self._lock:
                    self._pool().submit(_tell, told, write)
                return told
            except RuntimeError:  # no thread can be started, or the interpreter ends
                # What was refused may wait in the pool all the same, for a thread that comes later.
                if not told.cancel():
                    return told
                told = Future()
        _tell(told, write)
        return told

    def _pool(self) -> ThreadPoolExecutor:
        if (
            self._threads is None or self._owner != os.getpid()
        ):  # a forked child has none of its parent's threads
            self._threads, self._owner = ThreadPoolExecutor(thread_name_prefix="spool-write"), os.getpid()
        return self._threads


class DirectFile:
    """A new file that is appended to, then finished; `preface` is not in the digest. `descriptor` is -1 once closed."""

    def __init__(self, path: Path, blocks: Blocks, preface: bytes) -> None:
        self._block = blocks.take()
        try:
            flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
            self.descriptor = os.open(path, flags, 0o600)
        except OSError:
            blocks.give(self._block)
            raise
        self._blocks = blocks
        blocks.opened(1)
        self._hash = hashlib.sha256()
        self._start = 0  # where in the file the block begins
        self._head = b""
        self._writing: tuple[Future[None], memoryview] | None = None
        self._full = FIRST if blocks.idle else BLOCK
        self._block[: len(preface)] = preface
        self._unhashed = self._filled = len(preface)
        # After opening: with the flag `open` would leave an empty file behind where it is refused.
        _switch(self.descriptor, direct=True)

    def append(self, data: bytes | memoryview) -> None:
        """Take bytes; raises the OSError of an earlier block."""
        taken = 0
        while taken < len(data):
            if self._filled == self._full:
                self._pass_on()
            room = min(self._full - self._filled, len(data) - taken)
            self._block[self._filled : self._filled + room] = data[taken : taken + room]
            self._filled += room
            taken += room

    def read(self, offset: int, length: int) -> bytes:
        """Return up to `length` bytes from `offset` of the file, whether they are on the disk yet or not."""
        if offset + length <= len(self._head):
            return self._head[offset : offset + length]
        found = b""
        if offset < self._start:
            self._await()
            found = self._read_back(offset, min(length, self._start - offset))
        at = offset + len(found) - self._start
        return found + bytes(self._block[at : min(at + length - len(found), self._filled)])

    def finish(self) -> str:
        """Write what is left; return the SHA-256 in hexadecimal. Not synced yet; nothing may be appended after."""
        self._pass_on()
        self._await()
        return self._hash.hexdigest()

    def close(self) -> None:
        """Let go of the file; safe to call twice."""
        descriptor, self.descriptor = self.descriptor, -1
        if descriptor < 0:
            return
        try:
            self._await()
        finally:
            self._blocks.give(self._block)
            self._blocks.opened(-1)
            os.close(descriptor)

    def _pass_on(self) -> None:
        """Hash a block while another thread writes it, and go on with the next."""
        self._await()
        following = self._blocks.take()  # first of all: without memory for it nothing has begun
        block, self._block = self._block, following
        descriptor, full = self.descriptor, block[: self._filled]
        self._writing = self._blocks.run(lambda: _write(descriptor, full)), block
        self._hash.update(full[self._unhashed :])
        self._head = self._head or bytes(full[:_HEAD])
        self._start += self._filled
        self._unhashed = self._filled = 0
        self._full = BLOCK

    def _await(self) -> None:
        writing, self._writing = self._writing, None
        if writing is None:
            return
        try:
            writing[0].result()
        finally:
            self._blocks.give(writing[1])

    def _read_back(self, offset: int, length: int) -> bytes:
        # Through a descriptor of its own: a direct read would have to be aligned.
        reader = os.open(f"/proc/self/fd/{self.descriptor}", os.O_RDONLY | os.O_CLOEXEC)
        try:
            return os.pread(reader, length, offset)
        finally:
            os.close(reader)


def _tell(told: Future[None], write: Callable[[], None]) -> None:
    """Write, unless that was called off, and tell how it ended."""
    if not told.set_running_or_notify_cancel():
        return
    try:
        write()
    except (OSError, MemoryError) as trouble:
        told.set_exception(trouble)
    else:
        told.set_result(None)


def _write(descriptor: int, data: memoryview) -> None:
    """Write everything: whole units past the page cache, the rest through it; raises OSError."""
    whole = len(data) // _UNIT * _UNIT
    try:
        done = os.write(descriptor, data[:whole]) if whole else 0
    except OSError as refusal:
        if refusal.errno != errno.EINVAL:
            raise
        done = 0  # this file system wants a larger unit
    if done < len(data):
        _switch(descriptor, direct=False)
    while done < len(data):  # a nearly full disk writes less than asked, and says why only the next time
        done += os.write(descriptor, data[done:])


def _switch(descriptor: int, *, direct: bool) -> None:
    """Turn direct writing on or off; where the file system knows none (tmpfs) it stays off."""
    flags = fcntl.fcntl(descriptor, fcntl.F_GETFL) & ~os.O_DIRECT
    with suppress(OSError):
        fcntl.fcntl(descriptor, fcntl.F_SETFL, flags | (os.O_DIRECT if direct else 0))
