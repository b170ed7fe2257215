"""How commands write: tables for people, JSON with stable names for programs. Data on stdout, words on stderr."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path
from typing import Any

import click

API_VERSION = "spine-triage/v1"
WIDEST_CELL = 60


def plain(value: Any) -> Any:
    """Return the value as JSON knows it: times in UTC, words for enumerations."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, Enum):
        return value.value if isinstance(value.value, str) else value.name.lower()
    if isinstance(value, Mapping):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(inner) for inner in value]
    return str(value) if isinstance(value, Path) else value


def write_json(kind: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows in the envelope every `--json` has."""
    click.echo(json.dumps({"apiVersion": API_VERSION, "kind": kind, "items": plain(list(rows))}, indent=2))


def write_table(rows: Sequence[Mapping[str, Any]], columns: Mapping[str, str], nothing: str) -> None:
    """Write a table; `columns` maps field to heading. `nothing` is said instead of an empty table."""
    if not rows:
        click.echo(nothing, err=True)
        return
    cells = [list(columns.values())]
    cells += [[_cell(row.get(field)) for field in columns] for row in rows]
    widths = [max(len(line[index]) for line in cells) for index in range(len(columns))]
    for line in cells:
        click.echo("  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip())


def write_rows(
    kind: str,
    rows: Sequence[Mapping[str, Any]],
    columns: Mapping[str, str],
    *,
    as_json: bool,
    nothing: str = "Nothing.",
) -> None:
    """Write rows as JSON or as a table."""
    if as_json:
        write_json(kind, rows)
    else:
        write_table(rows, columns, nothing)


def write_fields(kind: str, row: Mapping[str, Any], *, as_json: bool) -> None:
    """Write one thing: JSON, or a line per field."""
    if as_json:
        write_json(kind, [row])
        return
    width = max((len(name) for name in row), default=0)
    for name, value in row.items():
        click.echo(f"{name.replace('_', ' '):<{width}}  {_cell(value, widest=400)}".rstrip())


def say(text: str) -> None:
    """Tell the person something that is not data."""
    click.echo(text, err=True)


def _cell(value: Any, widest: int = WIDEST_CELL) -> str:
    if value is None:
        return "-"
    if isinstance(value, datetime):
        return f"{value.astimezone():%Y-%m-%d %H:%M:%S}"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (list, tuple)):
        return ", ".join(_cell(inner, widest) for inner in value) or "-"
    # A header's text may hold line breaks or terminal escapes; a table cell holds neither.
    text = "".join(c if c.isprintable() else " " for c in str(plain(value)))
    return text if len(text) <= widest else text[: widest - 1] + "…"
