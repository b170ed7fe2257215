"""`triage requeue`: ask for analyses again. Previewed, confirmed, audited; asking twice changes nothing."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import Any

import click

from triage.cli.output import say, write_rows
from triage.cli.root import PARTLY, UNCONFIRMED
from triage.cli.session import MOMENT, acting, opened
from triage.cli.shape import ExampleCommand, actor_option, dry_run_option, json_option, yes_option

MOST = 1000
STATES = ("queued", "running", "succeeded", "failed", "superseded", "not-analysed")
COLUMNS = {
    "study_id": "STUDY",
    "accession_number": "ACCESSION",
    "study_state": "STATE",
    "state": "ANALYSIS",
    "attempts": "ATTEMPTS",
    "reason": "REASON",
    "last_arrival": "LAST IMAGE",
    "result": "NOW",
}


@click.command(
    cls=ExampleCommand, example="triage requeue --state failed --reason timeout --since 6h --dry-run"
)
@click.option(
    "--study", "studies", multiple=True, metavar="STUDY", help="This study (UID or id); repeatable."
)
@click.option(
    "--accession", "accessions", multiple=True, metavar="NUMBER", help="This accession number; repeatable."
)
@click.option(
    "--state", type=click.Choice(STATES), default=None, help="Whose latest analysis is in this state."
)
@click.option("--reason", default="", metavar="REGEX", help="Whose reason matches.")
@click.option("--since", type=MOMENT, help="With an image since this time.")
@click.option("--until", type=MOMENT, help="With no image after this time.")
@click.option("--because", default="", metavar="TEXT", help="Why, for the audit trail.")
@actor_option
@dry_run_option
@yes_option
@json_option
def requeue(
    *, actor: str | None, dry_run: bool, yes: bool, as_json: bool, because: str, **conditions: Any
) -> int:
    """Ask for the analyses of studies again.

    Every condition given must hold. What a result raised stays raised; a newer result supersedes the older.
    """
    from triage.store import requeue as store

    if not any(conditions.values()):
        raise click.UsageError(
            "Say which studies: --study, --accession, --state, --reason, --since or --until."
        )
    with opened() as session:
        chosen = limited(store.select_studies(session.engine, selection(conditions)))
        preview = [{**asdict(candidate), "result": "would be queued"} for candidate in chosen]
        if dry_run or not chosen or not (yes or confirmed(preview, as_json=as_json)):
            return unchanged(preview, dry_run=dry_run, as_json=as_json)
        done = store.requeue(session.engine, chosen, acting(actor), because, session.settings.order_policy())
    rows = [{**asdict(candidate), "result": result} for candidate, result in done]
    write_rows("Requeued", rows, COLUMNS, as_json=as_json)
    queued = sum(result is store.Requeued.QUEUED for _, result in done)
    say(f"{queued} of {len(done)} studies queued.")
    return 0 if queued == len(done) else PARTLY


def selection(conditions: dict[str, Any]) -> Any:
    """Return what the store is asked for."""
    from triage.store.requeue import Selection

    return Selection(**{**conditions, "state": conditions["state"] or "", "limit": MOST + 1})


def limited(found: list[Any]) -> list[Any]:
    """Return what one run takes on, and say so when more matches."""
    if len(found) > MOST:
        say(f"More than {MOST} studies match: these are the {MOST} oldest. Run again for the rest.")
    return found[:MOST]


def confirmed(preview: list[dict[str, Any]], *, as_json: bool) -> bool:
    """Show what would be done and ask; without a terminal nobody can be asked."""
    if as_json or not sys.stdin.isatty():
        return False
    write_rows("Requeue", preview, COLUMNS, as_json=False)
    return click.confirm(f"Queue {len(preview)} studies again?", err=True)


def unchanged(preview: list[dict[str, Any]], *, dry_run: bool, as_json: bool) -> int:
    """Say that nothing was changed, and why."""
    write_rows("Requeue", preview, COLUMNS, as_json=as_json, nothing="No study matches.")
    if not preview or dry_run:
        say("Nothing changed." + (" Run again with --yes instead of --dry-run." if preview else ""))
        return 0
    say("Nothing changed: not confirmed. Run again with --yes.")
    return UNCONFIRMED
