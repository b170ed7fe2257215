"""One bundle's folder: what its bundle.json says, and whether every byte is the one that it lists.

Refuses by a sentence that names the file: a changed, missing or extra file. Reads JSON and digests alone.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from triage.domain.errors import ConfigError, NotFound

DESCRIPTION = "bundle.json"
PINS = "pins.json"
AS_PINNED = "as pinned"
_BLOCK = 1 << 20


def shipped_root(configured: Path | None) -> Path:
    """Return the folder of pinned bundles: the configured one, else the one shipped with the workers."""
    if configured is not None:
        return configured
    package = find_spec("workers")
    if package is None or not package.submodule_search_locations:
        raise ConfigError("models.root", "is empty and no bundles are installed here", "Name their folder.")
    return Path(package.submodule_search_locations[0]) / "models" / "bundles"


def pins(root: Path) -> dict[str, str]:
    """Return bundle name to pinned digest; raises NotFound."""
    path = root / PINS
    try:
        found = json.loads(path.read_bytes()) if path.is_file() else {}
    except (OSError, ValueError) as trouble:
        raise NotFound("model", f"{path} cannot be read: {trouble}") from trouble
    return found if isinstance(found, dict) else {}


def pinned(root: Path) -> list[Path]:
    """Return the folders of the pinned bundles, those that are pinned and gone included."""
    there = {path.parent for path in root.glob(f"*/{DESCRIPTION}")}
    return sorted(there | {root / name for name in pins(root)})


def description(folder: Path) -> dict[str, Any]:
    """Return what bundle.json says; raises NotFound."""
    try:
        found = json.loads((folder / DESCRIPTION).read_bytes())
    except (OSError, ValueError) as trouble:
        raise NotFound("model", f"{folder / DESCRIPTION} cannot be read: {trouble}") from trouble
    return found if isinstance(found, dict) else {}


def about(folder: Path, expected: str | None) -> dict[str, Any]:
    """Return one bundle in one line; `state` says whether it is the one that `expected` is the digest of."""
    if not (folder / DESCRIPTION).is_file():
        return {"name": folder.name, "state": "pinned, but missing"}
    said = description(folder)
    return {
        "name": said.get("name", folder.name),
        "version": said.get("version"),
        "data_origin": _section(said, "provenance").get("data_origin"),
        "architecture": _section(said, "architecture").get("id"),
        "digest": digest(folder / DESCRIPTION),
        "state": state(folder, said, expected),
    }


def _section(said: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = said.get(name)
    return found if isinstance(found, dict) else {}


def state(folder: Path, said: Mapping[str, Any], expected: str | None) -> str:
    """Say whether the bundle is byte for byte what was pinned, or what is wrong with it."""
    if expected is None:
        return "not pinned"
    if digest(folder / DESCRIPTION) != expected:
        return f"{DESCRIPTION} is not the pinned one"
    return difference(folder, said) or AS_PINNED


def difference(folder: Path, said: Mapping[str, Any]) -> str:
    """Say what differs from the manifest in bundle.json, or nothing."""
    listed = _section(said, "files")
    for name, expected in listed.items():
        if not (folder / name).is_file() or digest(folder / name) != expected:
            return f"{name} was changed or is missing"
    extra = {entry.name for entry in folder.iterdir()} - {*listed, DESCRIPTION}
    return f"{min(extra)} does not belong to it" if extra else ""


def digest(path: Path) -> str:
    """Return the SHA-256 of a file."""
    running = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK):
            running.update(block)
    return running.hexdigest()
