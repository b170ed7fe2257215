"""Import: a folder or a zip file becomes TRIAGE_HOME/models/NAME@VERSION, checked whole before it has that name.

Promise: what stands under a name has passed the manifest, and its network has answered its golden vectors in a
process of its own; an import that is cut short leaves nothing under any name, and the next one, from a day later on,
removes what is left of it. Importing the same again changes nothing.
Refuses: a file that no bundle has, sizes beyond what a bundle may have, a version that is here with other bytes.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any

from triage.bundles import folder
from triage.domain.errors import Conflict, Refused, TriageError, Unavailable
from triage.domain.model import parse_name, parse_version

CHECK = ("-P", "-m", "workers.child.check")
CHECK_SECONDS = 600.0
ABANDONED_SECONDS = 86_400.0
# Nothing of the product's settings, and so no secret, reaches the process that parses foreign arrays.
KEPT_VARIABLES = ("PATH", "HOME", "LANG", "PYTHONPATH", "PYTHONPYCACHEPREFIX", "TMPDIR", "LD_LIBRARY_PATH")
FILES = frozenset({folder.DESCRIPTION, "weights.npz", "ood.npz", "golden.npz", "metrics.json", "card.md"})
# As the bundle's reader: the largest published ensemble takes 355 MB in float16.
MOST_BYTES = {"weights.npz": 512 * 1024**2}
MOST_OTHER_BYTES = 32 * 1024**2
_BLOCK = 1 << 20
_STAGED = ".incoming-"


@dataclass(frozen=True, slots=True)
class Kept:
    """An imported bundle; `proof` is what the golden vectors said."""

    folder: Path
    facts: Mapping[str, str]
    proof: Mapping[str, Any]


Prove = Callable[[Path, str], Mapping[str, Any]]
Registered = Callable[[str, str], str | None]


def place(store: Path, name: str, version: str) -> Path:
    """Return where a bundle of that name and version lies; raises Refused for what is neither."""
    return store / f"{parse_name(name)}@{parse_version(version)}"


def keep(store: Path, source: Path, prove: Prove | None = None, registered: Registered | None = None) -> Kept:
    """Import `source`; raises Refused for what may not be served, Conflict for a version that is another's.

    `registered` returns the digest (SHA-256, hex) that a name and version have in the database, None without.
    """
    with _staged(store) as staged:
        _copy(source, staged)
        facts = _facts(staged)
        proof = (prove or proven)(staged, facts["digest"])
        final = place(store, facts["name"], facts["version"])
        if final.exists():
            _same(final, facts["digest"])
        else:
            _unregistered(registered, facts)
            _settle(staged, final)
        return Kept(final, facts, proof)


@contextmanager
def _staged(store: Path) -> Iterator[Path]:
    path = store / f"{_STAGED}{secrets.token_hex(8)}"
    try:
        path.mkdir(parents=True)
        _sweep(store, path.stat().st_mtime - ABANDONED_SECONDS)
        yield path
    except OSError as trouble:
        sentence = f"{trouble.filename or store}: {trouble.strerror}"
        raise Unavailable("model-store", sentence) from trouble
    finally:
        shutil.rmtree(path, ignore_errors=True)


def _sweep(store: Path, before: float) -> None:
    """Remove what imports that were killed have left; `before` (seconds since 1970) spares those that still run."""
    for left in store.glob(f"{_STAGED}*"):
        # Another import may finish, or sweep, at the same moment.
        with suppress(FileNotFoundError):
            if left.stat().st_mtime < before:
                shutil.rmtree(left)


def _copy(source: Path, staged: Path) -> None:
    if source.is_dir():
        for entry in sorted(source.iterdir()):
            if entry.is_symlink() or not entry.is_file():
                raise Refused("bundle", f"{entry.name} is not a plain file")
            with entry.open("rb") as stream:
                _take(entry.name, stream, staged)
    elif zipfile.is_zipfile(source):
        _unpack(source, staged)
    else:
        raise Refused("bundle", f"{source} is neither a folder nor a zip file")
    missing = sorted(FILES - {entry.name for entry in staged.iterdir()})
    if missing:
        raise Refused("bundle", f"{missing[0]} is missing: this is no bundle")


def _unpack(source: Path, staged: Path) -> None:
    """Take the files of an archive, which may lie in one folder of it; their sizes are counted, not believed."""
    try:
        with zipfile.ZipFile(source) as archive:
            for entry in archive.infolist():
                if entry.is_dir():
                    continue
                path = PurePosixPath(entry.filename)
                if len(path.parts) > 2 or (staged / path.name).exists():
                    raise Refused("bundle", f"{entry.filename[:80]!r} has no place in a bundle")
                with archive.open(entry) as stream:
                    _take(path.name, stream, staged)
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError) as broken:
        raise Refused("bundle", f"{source} cannot be unpacked: {broken}") from broken


def _take(name: str, stream: IO[bytes], staged: Path) -> None:
    if name not in FILES:
        raise Refused("bundle", f"{name[:80]!r} does not belong to a bundle")
    left = MOST_BYTES.get(name, MOST_OTHER_BYTES)
    with (staged / name).open("xb") as copy:
        while block := stream.read(_BLOCK):
            left -= len(block)
            if left < 0:
                raise Refused("bundle", f"{name} is larger than a bundle's may be")
            copy.write(block)
        copy.flush()
        os.fsync(copy.fileno())


def _facts(staged: Path) -> dict[str, str]:
    try:
        said = folder.description(staged)
        listed = set(said.get("files", {}))
    except (TriageError, TypeError) as trouble:
        raise Refused("bundle", f"{folder.DESCRIPTION} is unreadable") from trouble
    # Before any hash: what a stranger's file names could lie anywhere on this host.
    if listed != FILES - {folder.DESCRIPTION}:
        raise Refused("bundle", f"{folder.DESCRIPTION} does not list the files of a bundle")
    if wrong := folder.difference(staged, said):
        raise Refused("bundle", wrong)
    found = folder.about(staged, None)
    facts = {
        key: str(found[key] or "") for key in ("name", "version", "digest", "data_origin", "architecture")
    }
    parse_name(facts["name"])
    parse_version(facts["version"])
    return facts


def proven(staged: Path, digest: str) -> Mapping[str, Any]:
    """Load the bundle and run its golden vectors in a process of its own; raises Refused with its sentence."""
    command = [sys.executable, *CHECK, str(staged), digest]
    kept = {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ}
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, env=kept, timeout=CHECK_SECONDS
        )
    except subprocess.TimeoutExpired:
        raise Refused("bundle", f"the network gave no answer within {CHECK_SECONDS:.0f} s") from None
    return _told(done)


def _told(done: subprocess.CompletedProcess[str]) -> Mapping[str, Any]:
    lines = done.stdout.strip().splitlines()
    try:
        answer = json.loads(lines[-1]) if lines else {}
    except ValueError:
        answer = {}
    if not isinstance(answer, dict) or not answer:
        raise Refused("bundle", f"the check of the network ended with code {done.returncode} and no answer")
    if "rejected" in answer:
        raise Refused("bundle", str(answer["rejected"]))
    return answer


def _same(final: Path, digest: str) -> None:
    known = folder.about(final, digest)
    if known["state"] != folder.AS_PINNED:
        raise Conflict(
            "model", f"{final.name} is here with other bytes ({known['state']}): give it another version"
        )


def _unregistered(registered: Registered | None, facts: Mapping[str, str]) -> None:
    """Refuse before it has the name: wrong bytes under it would be in the way of the right ones."""
    known = registered(facts["name"], facts["version"]) if registered else None
    if known not in (None, facts["digest"]):
        reference = f"{facts['name']}@{facts['version']}"
        raise Conflict("model", f"{reference} is another bundle here: give the new one another version")


def _settle(staged: Path, final: Path) -> None:
    """Give the staged folder its name, durably and all at once."""
    for entry in staged.iterdir():
        entry.chmod(0o644)
    staged.chmod(0o755)
    os.rename(staged, final)
    descriptor = os.open(final.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
