"""The shape of the scientist's commands: an error is one line and its exit code, as everywhere in this product.

0 done, 1 refused or not usable, 2 wrong usage, 3 not found, 5 away, 9 a setting is wrong, 10 a check found trouble.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import click

from triage.domain.errors import ConfigError, Conflict, NotFound, TriageError, Unavailable

_EXIT_CODES: tuple[tuple[type[TriageError], int], ...] = (
    (NotFound, 3),
    (Conflict, 4),
    (Unavailable, 5),
    (ConfigError, 9),
)
TROUBLE = 10


class Told(click.ClickException):
    """A known error on its way out of a command."""

    def __init__(self, error: TriageError) -> None:
        super().__init__(error.sentence)
        self.code = next((code for kind, code in _EXIT_CODES if isinstance(error, kind)), 1)

    def show(self, file: Any = None) -> None:
        """Write the sentence and leave with the error's own exit code."""
        super().show(file)
        raise SystemExit(self.code)


class Command(click.Command):
    """A command whose known errors become exit codes."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run it."""
        try:
            return super().invoke(ctx)
        except TriageError as error:
            raise Told(error) from error


def write_json(kind: str, data: Mapping[str, Any]) -> None:
    """Write one thing in the envelope that every `--json` of the product has."""
    click.echo(json.dumps({"apiVersion": "spine-triage/v1", "kind": kind, "items": [dict(data)]}, indent=2))
