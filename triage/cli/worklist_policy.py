"""`triage worklist policy`: which order is in force, who set it and why; another one; the kill switch."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from triage.cli.output import say, write_fields, write_json, write_rows
from triage.cli.root import UNCONFIRMED
from triage.cli.session import acting, opened
from triage.cli.shape import (
    Decorator,
    ExampleCommand,
    ExampleGroup,
    actor_option,
    dry_run_option,
    json_option,
    limit_option,
    yes_option,
)
from triage.cli.worklist_policy_words import changed_policy, figures, version_fields

if TYPE_CHECKING:
    from triage.domain.policy import PolicyChange

POLICIES = ("fifo", "human", "flag", "seniority")
HISTORY = {"policy_id": "ID", "at": "SINCE", "policy": "POLICY", "actor": "BY", "reason": "WHY"}
reason_option: Decorator = click.option(
    "--reason", required=True, metavar="TEXT", help="Why: recorded with the change and shown on the page."
)
seen_option: Decorator = click.option(
    "--seen",
    type=click.IntRange(0),
    metavar="ID",
    help="Refuse unless this policy is in force still: its ID in `history`, 0 for the settings.",
)
by_class: dict[str, Any] = {"multiple": True, "metavar": "CLASS=VALUE"}


@click.group(cls=ExampleGroup, example="triage worklist policy show")
def policy() -> None:
    """The order of the list: show it, set it, stop it."""


@policy.command(cls=ExampleCommand, example="triage worklist policy show --json")
@json_option
def show(as_json: bool) -> None:
    """Show the policy in force with every figure, who set it and why."""
    from triage.store import worklist_policy as rows

    with opened() as session:
        version = rows.current(session.engine, session.settings.order_policy())
    if as_json:
        write_json("WorklistPolicy", [{**version_fields(version), **version.policy.parameters()}])
    else:
        write_fields("WorklistPolicy", {**version_fields(version), **figures(version.policy)}, as_json=False)


@policy.command(cls=ExampleCommand, example="triage worklist policy history --limit 5")
@limit_option
@json_option
def history(limit: int, as_json: bool) -> None:
    """List every policy that was ever set, the newest first."""
    from triage.store import worklist_policy as rows

    with opened() as session:
        found = rows.history(session.engine, session.settings.order_policy(), limit)
    lines = [version_fields(version) for version in found]
    nothing = "The settings alone: nobody ever recorded a change."
    write_rows("WorklistPolicy", lines, HISTORY, as_json=as_json, nothing=nothing)


@policy.command(
    "set",
    cls=ExampleCommand,
    example="triage worklist policy set seniority --b 2880 --guard ROUTINE=60 --reason 'agreed 24 Nov' --dry-run",
)
@click.argument("name", type=click.Choice(POLICIES))
@click.option(
    "--b", "seniority_minutes", type=float, metavar="MINUTES", help="B: minutes for a unit of harm."
)
@click.option("--harm", help="h of a requested class; repeatable.", **by_class)
@click.option("--prior", help="Prevalence of fresh fractures in a class; repeatable.", **by_class)
@click.option(
    "--guard",
    help="K of a class: overtakings by its own or less pressing classes before it goes first; repeatable.",
    **by_class,
)
@click.option("--rota", type=click.File("rb"), help="A TOML file with zone, shifts and holidays.")
@reason_option
@seen_option
@actor_option
@dry_run_option
@yes_option
@json_option
def set_(
    *,
    name: str,
    reason: str,
    seen: int | None,
    actor: str | None,
    dry_run: bool,
    yes: bool,
    as_json: bool,
    **told: Any,
) -> int:
    """Set the policy and give every waiting study its new place. What is not named stays as it is."""
    from triage.store import worklist_policy as rows

    with opened() as session:
        site = session.settings.order_policy()
        now = rows.current(session.engine, site)
        wanted = changed_policy(now.policy, name, **told)
        who, seen = acting(actor), now.number if seen is None else seen
        tried = rows.change(session.engine, site, wanted, who, reason, seen=seen, dry_run=True)
        if dry_run or not (yes or _confirmed(tried, as_json=as_json)):
            tell(tried, as_json=as_json)
            say("Nothing changed." if dry_run else "Nothing changed: not confirmed. Run again with --yes.")
            return 0 if dry_run else UNCONFIRMED
        tell(rows.change(session.engine, site, wanted, who, reason, seen=seen), as_json=as_json)
    return 0


@policy.command(
    cls=ExampleCommand, example="triage worklist policy stop --reason 'flags look wrong since noon'"
)
@reason_option
@seen_option
@actor_option
@json_option
def stop(reason: str, seen: int | None, actor: str | None, as_json: bool) -> None:
    """Kill switch: order by requested class and arrival from now on."""
    from triage.store import worklist_policy as rows

    with opened() as session:
        site = session.settings.order_policy()
        tell(rows.stop(session.engine, site, acting(actor), reason, seen=seen), as_json=as_json)


@policy.command(cls=ExampleCommand, example="triage worklist policy resume --reason 'threshold mended'")
@reason_option
@seen_option
@actor_option
@json_option
def resume(reason: str, seen: int | None, actor: str | None, as_json: bool) -> None:
    """End a stop: back to the order that was in force before it, with the figures set since."""
    from triage.store import worklist_policy as rows

    with opened() as session:
        site = session.settings.order_policy()
        tell(rows.resume(session.engine, site, acting(actor), reason, seen=seen), as_json=as_json)


def tell(done: PolicyChange, *, as_json: bool) -> None:
    """Say what a change did, or would do."""
    shown = {
        **version_fields(done.version),
        "before": done.before.policy.describe(),
        "waiting": done.waiting,
        "rekeyed": done.rekeyed,
        "moved": done.moved,
        "dry_run": done.dry_run,
    }
    # A dry run's version was taken back: its number means nothing.
    if done.dry_run:
        shown["policy_id"] = None
    write_fields("WorklistPolicyChange", shown, as_json=as_json)


def _confirmed(tried: PolicyChange, *, as_json: bool) -> bool:
    """Ask, once what would move is known; without a terminal nobody can be asked."""
    if as_json or not sys.stdin.isatty():
        return False
    return click.confirm(f"{tried.moved} of {tried.waiting} waiting studies move. Set it?", err=True)
