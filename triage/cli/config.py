"""`triage config`: the settings, and where each came from."""

from __future__ import annotations

import os
from typing import Any

import click

from triage.cli.output import write_rows
from triage.cli.shape import ExampleCommand, ExampleGroup, json_option


@click.group(cls=ExampleGroup, example="triage config show")
def config() -> None:
    """Settings."""


@config.command(cls=ExampleCommand, example="triage config show --json")
@json_option
def show(as_json: bool) -> None:
    """Show every setting with its origin; secrets are masked."""
    from triage.config import build, default_home, read_sources

    home = default_home(os.environ)
    tree, origins = read_sources(os.environ, home)
    settings = build(home, tree)
    rows = [
        {"key": key, "value": value, "origin": _origin(key, origins)}
        for key, value in flatten(settings.model_dump(mode="json"))
    ]
    columns = {"key": "KEY", "value": "VALUE", "origin": "ORIGIN"}
    write_rows("Setting", rows, columns, as_json=as_json)


def flatten(tree: dict[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    """Return every leaf with its dotted key."""
    found: list[tuple[str, Any]] = []
    for key, value in tree.items():
        if isinstance(value, dict) and value:
            found += flatten(value, f"{prefix}{key}.")
        else:
            found.append((prefix + key, value))
    return found


def _origin(key: str, origins: dict[str, str]) -> str:
    if key == "home":
        return "TRIAGE_HOME" if "TRIAGE_HOME" in os.environ else "default"
    # A list or a table given as a whole has one origin for all that is in it.
    return next(
        (origins[known] for known in origins if key == known or key.startswith(f"{known}.")), "default"
    )
