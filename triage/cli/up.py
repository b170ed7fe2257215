"""`triage up`: everything on this machine, in the foreground, under one supervisor."""

from __future__ import annotations

from pathlib import Path

import click

from triage.cli.shape import ExampleCommand


@click.command(cls=ExampleCommand, example="triage up --demo --once --send /data/studies")
@click.option(
    "--demo", is_flag=True, help="With a demonstration PACS, and phantom studies sent to ourselves."
)
@click.option("--once", is_flag=True, help="Stop when every study is settled and every result delivered.")
@click.option(
    "--send",
    "folders",
    multiple=True,
    metavar="DIR",
    type=click.Path(exists=True, path_type=Path),
    help="Also send every file below DIR to ourselves; repeatable.",
)
@click.option(
    "--logs/--no-logs", default=None, help="Show every process's log here (default: not with --demo)."
)
@click.option(
    "--deadline", type=click.FloatRange(min=1), default=900.0, show_default=True, help="Seconds for --once."
)
def up(*, demo: bool, once: bool, folders: tuple[Path, ...], logs: bool | None, deadline: float) -> int:
    """Start PostgreSQL and Valkey (unless addresses are set) and every process; Ctrl-C drains and stops all.

    Started by root, everything runs as the account spine-triage. State lives under TRIAGE_HOME.
    """
    from triage.demo import story

    wanted = story.Story(demo, once, tuple(folder.absolute() for folder in folders), deadline)
    return story.up(wanted, logs=not demo if logs is None else logs)
