"""`triage check`: every question about this installation's health, and what to do about the answers."""

from __future__ import annotations

from dataclasses import asdict

import click

from triage.cli.output import write_rows
from triage.cli.root import TROUBLE
from triage.cli.session import opened
from triage.cli.shape import ExampleCommand, json_option

COLUMNS = {"question": "QUESTION", "verdict": "VERDICT", "sentence": "ANSWER", "advice": "WHAT TO DO"}


@click.command(cls=ExampleCommand, example="triage check --json")
@json_option
def check(as_json: bool) -> int:
    """Ask every question about this installation's health. Ends with 10 when something is wrong."""
    from triage import health

    with opened() as session:
        answers = health.ask(session.settings, session.engine)
    write_rows("Answer", [asdict(answer) for answer in answers], COLUMNS, as_json=as_json)
    return TROUBLE if health.worst(answers) is health.Verdict.FAIL else 0
