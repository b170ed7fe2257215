"""The spool: the only code that names a file of received or produced DICOM.

Promise: a path that `commit` or `put_evidence` returned survives a power cut (file fsync, rename,
directory fsync, in that order). Names come from digests and random digits alone, never from a peer.
Refuses any name outside its own grammar. Trouble with the disk is always `Unavailable`: a later
try, on a new file, may succeed.

    parts/     being written; locked by their writer, so an unlocked one is an orphan
    incoming/  durable and acknowledged, not yet in the catalogue
    kept/      catalogued, by SHA-256 of the encoded data set
    refused/   durable but impossible to catalogue: kept for a person, with the reason beside it
    evidence/  our own results, by SHA-256 of the file
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import re
import secrets
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from triage.domain.errors import NotFound, Refused, Unavailable

FOLDERS = ("parts", "incoming", "kept", "refused", "evidence")
_HEX = "[0-9a-f]"
_INCOMING = re.compile(rf"({_HEX}{{64}})-({_HEX}{{32}})\.dcm")
_NAME = re.compile(
    rf"(kept/{_HEX}{{2}}/{_HEX}{{2}}/{_HEX}{{64}}|evidence/{_HEX}{{2}}/{_HEX}{{64}}"
    rf"|(incoming|refused)/{_HEX}{{64}}-{_HEX}{{32}})\.dcm"
)
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_NO_FILES = frozenset({errno.EMFILE, errno.ENFILE})
_BLOCK = 1 << 20


@contextmanager
def _disk() -> Iterator[None]:
    """Turn the operating system's trouble into Unavailable with one of three reasons."""
    try:
        yield
    except OSError as trouble:
        code = trouble.errno
        reason = "spool-full" if code in _FULL else "no-files" if code in _NO_FILES else "spool-broken"
        raise Unavailable(reason, f"the spool cannot store ({os.strerror(code or 0)})") from trouble


def _write_all(descriptor: int, data: bytes | memoryview) -> None:
    done = os.write(descriptor, data)
    if done < len(data):  # a nearly full disk writes less than asked, and says why only the next time
        view = memoryview(data)
        while done < len(view):
            done += os.write(descriptor, view[done:])


def _sync_folder(folder: Path) -> None:
    # A fresh descriptor every time: after an error the kernel may report success on the old one.
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _stamp() -> str:
    # Names that sort by arrival, so that the first of two contents stays the current one.
    return f"{time.time_ns():016x}{secrets.token_hex(8)}"


class Part:
    """One data set on its way to the disk. `preface` (preamble and file meta) is not in the digest."""

    def __init__(self, folder: Path, landing: Path, preface: bytes) -> None:
        self._path = folder / f"{secrets.token_hex(16)}.part"
        self._landing = landing
        self._hash = hashlib.sha256()
        self._offset = len(preface)
        self.size = 0
        with _disk():
            flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
            self._descriptor = os.open(self._path, flags, 0o600)
        try:
            with _disk():
                # Held until close: the sweeper asks for this lock to learn whether the writer lives.
                fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                _write_all(self._descriptor, preface)
        except Unavailable:
            self.discard()
            raise

    def write(self, data: bytes | memoryview) -> None:
        """Append a fragment of the data set."""
        with _disk():
            _write_all(self._descriptor, data)
        self._hash.update(data)
        self.size += len(data)

    def read(self, offset: int, length: int) -> bytes:
        """Return up to `length` bytes of the data set from `offset`."""
        with _disk():
            return os.pread(self._descriptor, length, self._offset + offset)

    @property
    def digest(self) -> str:
        """SHA-256 of the data set bytes so far, in hexadecimal."""
        return self._hash.hexdigest()

    def commit(self) -> Path:
        """Make the file durable under incoming/ and return its path; on trouble nothing stays behind."""
        return self.commit_as(self._landing / f"{self.digest}-{_stamp()}.dcm")

    def commit_as(self, final: Path) -> Path:
        """Make the file durable under a name of this spool; used by Spool alone."""
        try:
            with _disk():
                # An error here is final for this file: the kernel may drop the dirty pages and report
                # success on a second fsync (the lesson PostgreSQL learnt in 2018).
                os.fsync(self._descriptor)
                os.rename(self._path, final)
                _sync_folder(final.parent)
        except Unavailable:
            self.discard()
            with suppress(OSError):
                final.unlink()
            raise
        self._close()
        return final

    def discard(self) -> None:
        """Forget the file; safe to call twice and after commit."""
        if self._descriptor >= 0:
            self._close()
            with suppress(OSError):
                self._path.unlink()

    def _close(self) -> None:
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            with suppress(OSError):
                os.close(descriptor)


class Spool:
    """The folders under one root, private to the product's user. Safe to use from several processes."""

    def __init__(self, root: Path) -> None:
        self.root = root
        with _disk():
            root.mkdir(mode=0o700, parents=True, exist_ok=True)
            for folder in FOLDERS:
                (root / folder).mkdir(mode=0o700, exist_ok=True)

    def new_part(self, preface: bytes = b"") -> Part:
        """Start a file for one data set."""
        return Part(self.root / "parts", self.root / "incoming", preface)

    def incoming(self) -> Iterator[Path]:
        """Yield what waits for the catalogue, oldest arrival first."""
        with _disk():
            names = [entry for entry in os.listdir(self.root / "incoming") if _INCOMING.fullmatch(entry)]
        for name in sorted(names, key=lambda entry: entry[65:]):
            yield self.root / "incoming" / name

    def keep(self, incoming: Path) -> str:
        """Link one incoming file into kept/ durably; return its name. The incoming name stays."""
        return self.keep_all([incoming])[0]

    def keep_all(self, incoming: Sequence[Path]) -> list[str]:
        """Link a batch into kept/; all links are durable on return, the incoming names stay."""
        names: list[str] = []
        folders: set[Path] = set()
        with _disk():
            for path in incoming:
                digest = digest_of(path)
                name = f"kept/{digest[:2]}/{digest[2:4]}/{digest}.dcm"
                final = self.root / name
                folders |= self._folders(final)
                self._link(path, final)
                names.append(name)
            for folder in folders:
                _sync_folder(folder)
        return names

    def _folders(self, final: Path) -> set[Path]:
        folder, changed = final.parent, {final.parent}
        while not folder.exists():
            folder = folder.parent
            changed.add(folder)
        final.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return changed

    def _link(self, path: Path, final: Path) -> None:
        try:
            os.link(path, final)
        except FileExistsError:
            if final.stat().st_size:
                return
            # A power cut can leave a name without its bytes; the same content has just arrived whole.
            spare = self.root / "parts" / f"{secrets.token_hex(16)}.link"
            os.link(path, spare)
            os.replace(spare, final)

    def discard(self, incoming: Path) -> None:
        """Remove an incoming name whose content the catalogue holds; absent is fine."""
        digest_of(incoming)
        with _disk():
            incoming.unlink(missing_ok=True)

    def refuse(self, incoming: Path, reason: str) -> str:
        """Put a durable file that cannot be catalogued aside for a person, with its reason."""
        digest_of(incoming)
        final = self.root / "refused" / incoming.name
        with _disk():
            final.with_suffix(".reason").write_text(reason + "\n", encoding="utf-8", errors="replace")
            os.rename(incoming, final)
            _sync_folder(final.parent)
        return f"refused/{incoming.name}"

    def path(self, name: str) -> Path:
        """Return where a name of this spool lies; raises Refused for anything else, NotFound when gone."""
        if not _NAME.fullmatch(name):
            raise Refused("spool-name", "that is no name of this spool")
        found = self.root / name
        if not found.is_file():
            raise NotFound("spool-file", "the spool holds no such file")
        return found

    def put_evidence(self, content: bytes) -> str:
        """Store one of our results durably under its digest; the same bytes again are a no-op."""
        digest = hashlib.sha256(content).hexdigest()
        name = f"evidence/{digest[:2]}/{digest}.dcm"
        final = self.root / name
        if final.is_file() and final.stat().st_size == len(content):
            return name
        part = self.new_part()
        try:
            part.write(content)
            with _disk():
                folders = self._folders(final)
            part.commit_as(final)
            with _disk():
                for folder in folders:
                    _sync_folder(folder)
        finally:
            part.discard()
        return name

    def free_bytes(self) -> int:
        """Return what an ordinary user may still write here."""
        with _disk():
            found = os.statvfs(self.root)
        return found.f_bavail * found.f_frsize

    def sweep_parts(self, older_than_s: float) -> int:
        """Remove parts whose writer is gone; return how many.

        A writer's lock says that it lives, whatever the clocks say; the age only covers the moment
        between a part's creation and its lock.
        """
        removed = 0
        with _disk():
            entries = list(os.scandir(self.root / "parts"))
        for entry in entries:
            with suppress(OSError):
                if time.time() - entry.stat(follow_symlinks=False).st_ctime >= older_than_s:
                    removed += _remove_if_orphan(entry.path)
        return removed


def _remove_if_orphan(path: str) -> int:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.unlink(path)
        return 1
    except BlockingIOError:
        return 0
    finally:
        os.close(descriptor)


def digest_of(incoming: Path) -> str:
    """Return the digest that an incoming file's name claims; raises Refused for a foreign name."""
    found = _INCOMING.fullmatch(incoming.name)
    if found is None:
        raise Refused("spool-name", "that is no incoming file of this spool")
    return found.group(1)


def hash_from(path: Path, offset: int) -> str:
    """Return the SHA-256 of a file's bytes from `offset` on, in hexadecimal, with bounded memory."""
    running = hashlib.sha256()
    with _disk(), path.open("rb", buffering=0) as stream:
        stream.seek(offset)
        while block := stream.read(_BLOCK):
            running.update(block)
    return running.hexdigest()
