"""`triage model`: the bundles on this machine, read and verified without TensorFlow."""

from __future__ import annotations

import hashlib
import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click

from triage.cli.output import write_fields, write_rows
from triage.cli.root import TROUBLE
from triage.cli.session import opened
from triage.cli.shape import ExampleCommand, ExampleGroup, json_option
from triage.domain.errors import ConfigError, NotFound

DESCRIPTION = "bundle.json"
COLUMNS = {
    "name": "MODEL",
    "version": "VERSION",
    "data_origin": "TRAINED ON",
    "digest": "SHA-256",
    "state": "STATE",
}


@click.group(cls=ExampleGroup, example="triage model verify")
def model() -> None:
    """Model bundles."""


@model.command("list", cls=ExampleCommand, example="triage model list --json")
@json_option
def list_(as_json: bool) -> None:
    """List the bundles this machine would serve."""
    write_rows("Model", [summary(path) for path in bundles()], COLUMNS, as_json=as_json, nothing="No bundle.")


@model.command(cls=ExampleCommand, example="triage model show view-gate")
@click.argument("name")
@json_option
def show(name: str, as_json: bool) -> None:
    """Show a bundle's description and where its model card is."""
    for path in bundles():
        if path.name == name:
            about = {**summary(path), "card": path / "card.md"}
            write_fields("Model", {**about, **(description(path) if as_json else {})}, as_json=as_json)
            return
    raise NotFound("model", f"no bundle is called {name!r}; `triage model list` names them")


@model.command(cls=ExampleCommand, example="triage model verify")
@json_option
def verify(as_json: bool) -> int:
    """Compare every file of every bundle with its pinned digest."""
    rows = [summary(path) for path in bundles()]
    write_rows("Model", rows, COLUMNS, as_json=as_json, nothing="No bundle.")
    return 0 if rows and all(row["state"] == "as pinned" for row in rows) else TROUBLE


def root() -> Path:
    """Return the folder of bundles: the configured one, else the one shipped with the workers."""
    with opened() as session:
        if session.settings.models.root is not None:
            return session.settings.models.root
    package = find_spec("workers")
    if package is None or not package.submodule_search_locations:
        raise ConfigError("models.root", "is empty and no bundles are installed here", "Name their folder.")
    return Path(package.submodule_search_locations[0]) / "models" / "bundles"


def bundles() -> list[Path]:
    """Return the folders of the bundles, those that are pinned and gone included."""
    where = root()
    there = {path.parent for path in where.glob(f"*/{DESCRIPTION}")}
    return sorted(there | {where / name for name in pins(where)})


def pins(where: Path) -> dict[str, str]:
    """Return bundle name to pinned digest."""
    path = where / "pins.json"
    try:
        found = json.loads(path.read_bytes()) if path.is_file() else {}
    except (OSError, ValueError) as trouble:
        raise NotFound("model", f"{path} cannot be read: {trouble}") from trouble
    return found if isinstance(found, dict) else {}


def description(path: Path) -> dict[str, Any]:
    """Return what bundle.json says."""
    try:
        found = json.loads((path / DESCRIPTION).read_bytes())
    except (OSError, ValueError) as trouble:
        raise NotFound("model", f"{path / DESCRIPTION} cannot be read: {trouble}") from trouble
    return found if isinstance(found, dict) else {}


def summary(path: Path) -> dict[str, Any]:
    """Return one bundle in one line."""
    if not (path / DESCRIPTION).is_file():
        return {**dict.fromkeys(COLUMNS), "name": path.name, "state": "pinned, but missing"}
    about = description(path)
    return {
        "name": about.get("name", path.name),
        "version": about.get("version"),
        "data_origin": about.get("provenance", {}).get("data_origin"),
        "digest": digest(path / DESCRIPTION),
        "state": state(path, about),
    }


def state(path: Path, about: dict[str, Any]) -> str:
    """Say whether the bundle is byte for byte what was pinned, or what is wrong with it."""
    pinned = pins(path.parent).get(path.name)
    if pinned is None:
        return "not pinned"
    if digest(path / DESCRIPTION) != pinned:
        return f"{DESCRIPTION} is not the pinned one"
    listed = about.get("files", {})
    for name, expected in listed.items():
        if not (path / name).is_file() or digest(path / name) != expected:
            return f"{name} was changed or is missing"
    extra = {entry.name for entry in path.iterdir()} - {*listed, DESCRIPTION}
    return f"{min(extra)} does not belong to it" if extra else "as pinned"


def digest(path: Path) -> str:
    """Return the SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
