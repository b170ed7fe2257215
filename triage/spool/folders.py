"""The folders of the spool, and the grammar of every name in them.

Promise: a path that `Part.commit` or a name that `put_evidence` returned survives a power cut. Names come
from digests and random digits alone, never from a peer. Refuses any name outside its own grammar. Trouble
with the disk is always `Unavailable`: a later try, on a new file, may succeed.

    parts/     being written; locked by their writer, so an unlocked one is an orphan
    incoming/  durable and acknowledged, not yet in the catalogue
    kept/      catalogued, by SHA-256 of the encoded data set
    refused/   durable but impossible to catalogue: kept for a person, with the reason beside it
    evidence/  our own results, by SHA-256 of the file
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from triage.domain.errors import NotFound, Refused
from triage.spool.direct import Blocks
from triage.spool.disk import FolderSync, disk, sync_folder
from triage.spool.part import Part

FOLDERS = ("parts", "incoming", "kept", "refused", "evidence")
_HEX = "[0-9a-f]"
_INCOMING = re.compile(rf"({_HEX}{{64}})-({_HEX}{{32}})\.dcm")
_NAME = re.compile(
    rf"(kept/{_HEX}{{2}}/{_HEX}{{2}}/{_HEX}{{64}}|evidence/{_HEX}{{2}}/{_HEX}{{64}}"
    rf"|(incoming|refused)/{_HEX}{{64}}-{_HEX}{{32}})\.dcm"
)


class Spool:
    """The folders under one root, private to the product's user. Safe to use from several processes."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._parts_sync = FolderSync(root / "parts")
        self._blocks = Blocks()
        with disk():
            root.mkdir(mode=0o700, parents=True, exist_ok=True)
            for folder in FOLDERS:
                (root / folder).mkdir(mode=0o700, exist_ok=True)

    def new_part(self, preface: bytes = b"") -> Part:
        """Start a file for one data set."""
        return Part(self.root / "parts", self.root / "incoming", self._parts_sync, self._blocks, preface)

    def incoming(self) -> Iterator[Path]:
        """Yield what waits for the catalogue, oldest arrival first."""
        with disk():
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
        with disk():
            for path in incoming:
                digest = digest_of(path)
                name = f"kept/{digest[:2]}/{digest[2:4]}/{digest}.dcm"
                final = self.root / name
                folders |= self._folders(final)
                self._link(path, final)
                names.append(name)
            for folder in folders:
                sync_folder(folder)
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
        with disk():
            incoming.unlink(missing_ok=True)

    def refuse(self, incoming: Path, reason: str) -> str:
        """Put a durable file that cannot be catalogued aside for a person, with its reason."""
        digest_of(incoming)
        final = self.root / "refused" / incoming.name
        with disk():
            final.with_suffix(".reason").write_text(reason + "\n", encoding="utf-8", errors="replace")
            os.rename(incoming, final)
            sync_folder(final.parent)
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
            with disk():
                folders = self._folders(final)
            part.commit_as(final)
            with disk():
                for folder in folders:
                    sync_folder(folder)
        finally:
            part.discard()
        return name

    def free_bytes(self) -> int:
        """Return what an ordinary user may still write here."""
        with disk():
            found = os.statvfs(self.root)
        return found.f_bavail * found.f_frsize

    def sweep_parts(self, older_than_s: float, is_whole: Callable[[Path, str], bool]) -> tuple[int, int]:
        """Clear up after writers that are gone; return how many parts were removed and how many rescued.

        A part that already has its final name is moved to incoming/ when `is_whole(path, digest)` says that
        its data set still hashes to that name; every other orphan was never acknowledged and goes. A writer's
        lock says that it lives, whatever the clocks say; the age only covers the moment before the lock.
        """
        removed = rescued = 0
        with disk():
            names = os.listdir(self.root / "parts")
        for name in names:
            path = self.root / "parts" / name
            with suppress(OSError):
                if time.time() - path.lstat().st_ctime >= older_than_s:
                    verdict = self._sweep_one(path, is_whole)
                    removed += verdict is False
                    rescued += verdict is True
        return removed, rescued

    def _sweep_one(self, path: Path, is_whole: Callable[[Path, str], bool]) -> bool | None:
        """Return True for a rescued part, False for a removed one, None while its writer lives."""
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            named = _INCOMING.fullmatch(path.name)
            if named is not None and is_whole(path, named.group(1)):
                os.fsync(descriptor)
                os.rename(path, self.root / "incoming" / path.name)
                return True
            os.unlink(path)
            return False
        except BlockingIOError:
            return None
        finally:
            os.close(descriptor)


def digest_of(incoming: Path) -> str:
    """Return the digest that an incoming file's name claims; raises Refused for a foreign name."""
    found = _INCOMING.fullmatch(incoming.name)
    if found is None:
        raise Refused("spool-name", "that is no incoming file of this spool")
    return found.group(1)
