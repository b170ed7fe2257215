"""`triage study`: studies as the catalogue has them."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any

import click

from triage.cli.output import say, write_fields, write_json, write_rows
from triage.cli.session import MOMENT, opened
from triage.cli.shape import ExampleCommand, ExampleGroup, json_option, limit_option

STATES = ("receiving", "closed", "analysed")
COLUMNS = {
    "id": "STUDY",
    "accession_number": "ACCESSION",
    "state": "STATE",
    "revision": "REVISION",
    "modalities": "MODALITY",
    "instances": "IMAGES",
    "requested_priority": "PRIORITY",
    "calling_ae": "FROM",
    "last_arrival": "LAST IMAGE",
    "settled_at": "SETTLED",
}
ANALYSIS = {
    "id": "ANALYSIS",
    "algorithm": "ALGORITHM",
    "revision": "REVISION",
    "generation": "GENERATION",
    "state": "STATE",
    "attempts": "ATTEMPTS",
    "sentence": "SENTENCE",
    "finished_at": "FINISHED",
}
INSTANCE = {
    "sop_instance_uid": "SOP INSTANCE",
    "modality": "MODALITY",
    "view_position": "VIEW",
    "rows": "ROWS",
    "columns": "COLUMNS",
    "not_eligible_because": "NOT ANALYSED",
    "problem": "PROBLEM",
}
EVENT = {"at": "AT", "actor": "ACTOR", "action": "ACTION", "detail": "DETAIL"}
PATIENT = ("patient_name", "patient_id")


@click.group(cls=ExampleGroup, example="triage study list --state receiving")
def study() -> None:
    """Studies."""


@study.command("list", cls=ExampleCommand, example="triage study list --since 2h --json")
@click.option("--state", type=click.Choice(STATES), help="Only studies in this state.")
@click.option("--since", type=MOMENT, help="Only studies with an image since this time.")
@limit_option
@json_option
def list_(state: str | None, since: datetime | None, limit: int, as_json: bool) -> None:
    """List studies, the latest image first."""
    from triage.store import studies

    with opened() as session:
        found = studies.listing(session.engine, state=state, since=since, limit=limit)
    rows = [without_patient(asdict(row)) for row in found]
    write_rows("Study", rows, COLUMNS, as_json=as_json, nothing="No study.")


@study.command(cls=ExampleCommand, example="triage study show A1042")
@click.argument("name", metavar="STUDY")
@json_option
def show(name: str, as_json: bool) -> None:
    """Show a study with its images and analyses."""
    from triage.store import queue_rows, studies

    with opened() as session:
        found = studies.find(session.engine, name)
        images = studies.instances_of(session.engine, found.id)
        analyses = [asdict(row) for row in queue_rows.of_study(session.engine, found.id)]
    about = without_patient(asdict(found))
    if as_json:
        write_json("Study", [{**about, "images": images, "analyses": analyses}])
        return
    write_fields("Study", about, as_json=False)
    say("")
    write_rows("Instance", images, INSTANCE, as_json=False)
    say("")
    write_rows("Analysis", analyses, ANALYSIS, as_json=False, nothing="No analysis.")


@study.command(cls=ExampleCommand, example="triage study events A1042")
@click.argument("name", metavar="STUDY")
@limit_option
@json_option
def events(name: str, limit: int, as_json: bool) -> None:
    """List what happened to a study, the latest first."""
    from triage.store import audit, studies

    with opened() as session:
        found = audit.entries(session.engine, study_id=studies.find(session.engine, name).id, limit=limit)
    write_rows("AuditEntry", [asdict(entry) for entry in found], EVENT, as_json=as_json)


@study.command(cls=ExampleCommand, example="triage study ledger A1042 --json")
@click.argument("name", metavar="STUDY")
@json_option
def ledger(name: str, as_json: bool) -> None:
    """Say when each hop of a study was done."""
    from triage.store import ledger as rows
    from triage.store import studies

    with opened() as session:
        found = rows.of_study(session.engine, studies.find(session.engine, name).id)
    write_fields("Ledger", asdict(found), as_json=as_json)


def without_patient(row: dict[str, Any]) -> dict[str, Any]:
    """Leave out who the patient is: a terminal's scrollback is not the place for it."""
    return {name: value for name, value in row.items() if name not in PATIENT}
