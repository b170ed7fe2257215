"""`triage evidence`: SR, SEG and presentation states on their way to the PACS."""

from __future__ import annotations

from dataclasses import asdict

import click

from triage.cli.output import say, write_rows
from triage.cli.root import UNCONFIRMED
from triage.cli.session import acting, opened
from triage.cli.shape import (
    ExampleCommand,
    ExampleGroup,
    actor_option,
    dry_run_option,
    json_option,
    limit_option,
    yes_option,
)
from triage.domain.errors import NotFound

STATES = ("pending", "sent", "refused", "superseded")
COLUMNS = {
    "id": "DELIVERY",
    "study_id": "STUDY",
    "kind": "KIND",
    "peer": "PEER",
    "state": "STATE",
    "attempts": "ATTEMPTS",
    "last_status": "STATUS",
    "last_error": "LAST TROUBLE",
    "next_at": "NEXT",
    "sent_at": "SENT",
}


@click.group(cls=ExampleGroup, example="triage evidence list --state refused")
def evidence() -> None:
    """Results on their way to the PACS."""


@evidence.command("list", cls=ExampleCommand, example="triage evidence list --state pending --peer PACS")
@click.option("--state", type=click.Choice(STATES), help="Only deliveries in this state.")
@click.option("--peer", metavar="NAME", help="Only to this destination.")
@click.option("--study", metavar="UID", help="Only of this study.")
@limit_option
@json_option
def list_(state: str | None, peer: str | None, study: str | None, limit: int, as_json: bool) -> None:
    """List deliveries."""
    from triage.store import evidence as store

    wanted = store.DeliveryFilter(state=state, peer=peer, study_instance_uid=study, limit=limit)
    with opened() as session:
        rows = [asdict(row) for row in store.list_deliveries(session.engine, wanted)]
    write_rows("Delivery", rows, COLUMNS, as_json=as_json, nothing="No delivery.")


@evidence.command(cls=ExampleCommand, example="triage evidence retry --state refused --peer PACS --yes")
@click.option("--id", "ids", type=int, multiple=True, metavar="DELIVERY", help="This delivery; repeatable.")
@click.option("--state", type=click.Choice(("pending", "refused")), help="Every delivery in this state.")
@click.option("--peer", metavar="NAME", help="To this destination only.")
@click.option("--study", metavar="UID", help="Of this study only.")
@click.option("--because", default="", metavar="TEXT", help="Why, for the audit trail.")
@actor_option
@dry_run_option
@yes_option
@json_option
def retry(
    *,
    ids: tuple[int, ...],
    state: str | None,
    peer: str | None,
    study: str | None,
    because: str,
    actor: str | None,
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> int:
    """Send refused or waiting results again, now."""
    from triage.store import evidence as store

    if not (ids or state or peer or study):
        raise click.UsageError("Say which: --id, --state, --peer or --study.")
    wanted = store.DeliveryFilter(state=state, peer=peer, study_instance_uid=study, limit=100_000)
    with opened() as session:
        found = [row for row in store.list_deliveries(session.engine, wanted) if not ids or row.id in ids]
        chosen = [row for row in found if row.state in ("pending", "refused")]
        if not chosen:
            raise NotFound("delivery", "no refused or waiting delivery matches")
        write_rows("Delivery", [asdict(row) for row in chosen], COLUMNS, as_json=as_json)
        if dry_run or not (yes or len(chosen) == 1):
            say("Nothing changed." + ("" if dry_run else " Run again with --yes."))
            return 0 if dry_run else UNCONFIRMED
        again = store.retry(session.engine, [row.id for row in chosen], acting(actor), because)
    say(f"{len(again)} deliveries will be tried now.")
    return 0
