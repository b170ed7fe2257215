"""A file being written: fragments in, one durable and self-verifying name out.

`commit` renames inside parts/ to a name that holds the digest, syncs file and folder side by side, then
moves it to incoming/ without another sync. A power cut finds it whole in either folder, or torn in
parts/ under a name that does not match its bytes, and then it was never acknowledged.
"""

from __future__ import annotations

import fcntl
import os
import secrets
from contextlib import suppress
from pathlib import Path

from triage.domain.errors import Unavailable
from triage.spool.direct import Blocks, DirectFile
from triage.spool.disk import FolderSync, disk, stamp, sync_folder


class Part:
    """One data set on its way to the disk. `preface` (preamble and file meta) is not in the digest."""

    def __init__(
        self, parts: Path, incoming: Path, parts_sync: FolderSync, blocks: Blocks, preface: bytes
    ) -> None:
        self._path = parts / f"{secrets.token_hex(16)}.part"
        self._incoming = incoming
        self._parts_sync = parts_sync
        self._offset = len(preface)
        self.size = 0
        with disk():
            self._file = DirectFile(self._path, blocks, preface)
        try:
            with disk():
                # Held until close: the sweeper asks for this lock to learn whether the writer lives.
                fcntl.flock(self._file.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except Unavailable:
            self.discard()
            raise

    def write(self, data: bytes | memoryview) -> None:
        """Append a fragment of the data set."""
        with disk():
            self._file.append(data)
        self.size += len(data)

    def read(self, offset: int, length: int) -> bytes:
        """Return up to `length` bytes of the data set from `offset`."""
        with disk():
            return self._file.read(self._offset + offset, length)

    def commit(self) -> Path:
        """Make the file durable and return its path in incoming/; on trouble nothing stays behind."""
        try:
            with disk():
                name = f"{self._file.finish()}-{stamp()}.dcm"
                self._rename(self._path.with_name(name))
                ticket = self._parts_sync.ask()
                # An error here is final for this file: the kernel may drop the dirty pages and report
                # success on a second fsync (the lesson PostgreSQL learnt in 2018).
                os.fsync(self._file.descriptor)
                self._parts_sync.wait(ticket)
                self._rename(self._incoming / name)
        except Unavailable:
            self.discard()
            raise
        self._close()
        return self._path

    def commit_as(self, final: Path) -> None:
        """Make the file durable under a name of this spool; used by Spool for our own results."""
        try:
            with disk():
                self._file.finish()
                os.fsync(self._file.descriptor)
                self._rename(final)
                sync_folder(final.parent)
        except Unavailable:
            self.discard()
            raise
        self._close()

    def discard(self) -> None:
        """Forget the file; safe to call twice and after commit."""
        if self._file.descriptor >= 0:
            with suppress(OSError):
                self._path.unlink()
            self._close()

    def _rename(self, final: Path) -> None:
        os.rename(self._path, final)
        self._path = final

    def _close(self) -> None:
        with suppress(OSError):
            self._file.close()
