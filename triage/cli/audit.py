"""`triage audit`: who did what, and when."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime

import click

from triage.cli.output import write_rows
from triage.cli.session import MOMENT, opened
from triage.cli.shape import ExampleCommand, ExampleGroup, json_option, limit_option

COLUMNS = {"at": "AT", "actor": "ACTOR", "action": "ACTION", "subject": "SUBJECT", "detail": "DETAIL"}


@click.group(cls=ExampleGroup, example="triage audit list --since 2h")
def audit() -> None:
    """The audit trail."""


@audit.command("list", cls=ExampleCommand, example="triage audit list --since 2h --study 17")
@click.option("--study", "name", metavar="STUDY", help="Only this study: UID, accession number or row id.")
@click.option("--since", type=MOMENT, help="Only from this time on.")
@limit_option
@json_option
def list_(name: str | None, since: datetime | None, limit: int, as_json: bool) -> None:
    """List acts, the latest first."""
    from triage.store import audit as trail
    from triage.store import studies

    with opened() as session:
        study_id = studies.find(session.engine, name).id if name else None
        found = trail.entries(session.engine, study_id=study_id, since=since, limit=limit)
    write_rows("AuditEntry", [asdict(entry) for entry in found], COLUMNS, as_json=as_json)
