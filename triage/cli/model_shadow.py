"""`triage model shadow`: a candidate beside the live models, and what it would have said."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import click

from triage.cli.output import say, write_json, write_table
from triage.cli.session import MOMENT, acting, opened
from triage.cli.shape import ExampleCommand, ExampleGroup, actor_option, json_option, reason_option


@click.group(cls=ExampleGroup, example="triage model shadow report --since 7d")
def shadow() -> None:
    """Run an imported bundle after the live one. It writes nothing to the PACS and moves no study."""


@shadow.command(
    cls=ExampleCommand, example="triage model shadow on vertebra-fresh@1.1.0 --reason 'new training'"
)
@click.argument("reference", metavar="NAME@VERSION")
@reason_option
@actor_option
def on(reference: str, reason: str, actor: str | None) -> None:
    """Ask this bundle too about every study from now on, after its answer was given.

    Several shadow bundles run together, as they would if all were promoted.
    """
    from triage.domain.model import parse_reference
    from triage.store import shadows

    name, version = parse_reference(reference)
    with opened() as session:
        begun = shadows.begin(session.engine, name, version, acting(actor), reason)
    say(f"{begun.reference} runs in the shadow. See `triage model shadow report`.")


@shadow.command(
    cls=ExampleCommand, example="triage model shadow off vertebra-fresh@1.1.0 --reason 'seen enough'"
)
@click.argument("reference", metavar="NAME@VERSION")
@reason_option
@actor_option
def off(reference: str, reason: str, actor: str | None) -> None:
    """End a shadow run; what it answered stays for the report."""
    from triage.domain.model import parse_reference
    from triage.store import shadows

    name, version = parse_reference(reference)
    with opened() as session:
        ended = shadows.end(session.engine, name, version, acting(actor), reason)
    say(f"{ended.reference} no longer runs.")


@shadow.command(cls=ExampleCommand, example="triage model shadow report --since 7d --json")
@click.option("--since", type=MOMENT, metavar="TIME", help="Answers given since then (default: 7d).")
@click.option("--candidate", default="", metavar="NAMES", help="Only this candidate, as the report names it.")
@json_option
def report(since: datetime | None, candidate: str, as_json: bool) -> None:
    """Show what the candidate would have flagged otherwise, and how it did where the outcome is known."""
    from triage.proof import shadow as proof
    from triage.store import shadows

    begin, now = since or datetime.now(UTC) - timedelta(days=7), datetime.now(UTC)
    with opened() as session:
        found = proof.reports(shadows.pairs(session.engine, begin, candidate), begin, now)
    if as_json:
        write_json("ShadowReport", [proof.plain(one) for one in found])
        return
    if not found:
        say("No shadow answered in that time.")
    for one in found:
        _write(one)


def _write(found: Any) -> None:
    click.echo(f"Candidate {found.candidate}: {found.studies} studies since {found.since:%Y-%m-%d %H:%M}.")
    rows = [{"what": what, "live": live, "shadow": shadowed} for what, live, shadowed in found.lines()]
    write_table(rows, {"what": "", "live": "LIVE", "shadow": "SHADOW"}, "")
    for sentence in found.sentences():
        click.echo(sentence)
