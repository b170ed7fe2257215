"""`triage worklist note` and `label`: what one leaves on a study, from a terminal.

A note is read from the standard input alone: an argument would stand in the list of processes and in the shell's
history, and a note may hold patient data. For the same reason no command prints one.
"""

from __future__ import annotations

import sys
from typing import Any

import click

from triage.cli.output import say, write_fields
from triage.cli.session import acting, opened
from triage.cli.shape import ExampleCommand, actor_option, json_option

study_argument = click.argument("study", metavar="STUDY")


def _found(session: Any, study: str) -> int:
    from triage.cli.worklist import find_one

    return int(find_one(session, study).study_id)


def _spoken() -> str:
    if sys.stdin.isatty():
        say("Write the note; Ctrl+D on a line of its own ends it.")
    return sys.stdin.read()


@click.command(cls=ExampleCommand, example="triage worklist note A1042 < note.txt")
@study_argument
@click.option("--withdraw", type=int, metavar="NUMBER", help="Take that note away instead of writing one.")
@actor_option
@json_option
def note(study: str, withdraw: int | None, actor: str | None, as_json: bool) -> None:
    """Put a note on a study, read from the standard input."""
    from triage.store import marks

    with opened() as session:
        study_id = _found(session, study)
        if withdraw is None:
            number = marks.write(session.engine, study_id, acting(actor), _spoken())
        else:
            number = withdraw
            # Whoever reaches this machine's database is its administrator.
            marks.withdraw(session.engine, study_id, number, acting(actor), anybodys=True)
    done = "withdrawn" if withdraw else "written"
    if as_json:
        write_fields("Note", {"study_id": study_id, "note": number, "done": done}, as_json=True)
    else:
        say(f"note {number} of study {study_id} {done}")


@click.command(cls=ExampleCommand, example="triage worklist label A1042 teaching")
@study_argument
@click.argument("word", metavar="LABEL")
@click.option("--off", is_flag=True, help="Take the label off again.")
@actor_option
@json_option
def label(study: str, word: str, off: bool, actor: str | None, as_json: bool) -> None:
    """Put one of the site's labels on a study, or take it off."""
    from triage.domain.marks import known_label, label_word
    from triage.store import marks

    with opened() as session:
        study_id = _found(session, study)
        if off:
            marks.clear_label(session.engine, study_id, label_word(word), acting(actor))
        else:
            known = (label.word for label in session.settings.worklist.labels)
            marks.set_label(session.engine, study_id, known_label(word, known), acting(actor))
    done = "off" if off else "set"
    if as_json:
        write_fields("Label", {"study_id": study_id, "label": word, "done": done}, as_json=True)
    else:
        say(f"label {word} of study {study_id}: {done}")
