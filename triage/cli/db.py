"""`triage db`: the database's schema."""

from __future__ import annotations

import click

from triage.cli.output import say, write_fields
from triage.cli.session import opened
from triage.cli.shape import ExampleCommand, ExampleGroup, json_option


@click.group(cls=ExampleGroup, example="triage db upgrade")
def db() -> None:
    """The database's schema."""


@db.command(cls=ExampleCommand, example="triage db upgrade")
def upgrade() -> None:
    """Bring the schema to what this version needs. Safe to run twice, and from two places."""
    from triage.store import schema

    with opened() as session:
        say(f"database at {schema.upgrade(session.engine)}")


@db.command(cls=ExampleCommand, example="triage db current --json")
@json_option
def current(as_json: bool) -> None:
    """Show the schema the database has and the one this version needs."""
    from triage.store import schema

    with opened() as session:
        row = {"current": schema.current(session.engine), "needed": schema.head()}
    write_fields("Schema", row, as_json=as_json)
