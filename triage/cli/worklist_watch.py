"""`triage worklist watch`: is the order doing harm, and is it to be stopped?"""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from triage.cli.output import say, write_json, write_table
from triage.cli.session import opened
from triage.cli.shape import ExampleCommand, dry_run_option, json_option

if TYPE_CHECKING:
    from triage.watch import Watched

TROUBLE = 10
COLUMNS = {"figure": "STAFFED MINUTES", "actual": "AS READ", "base": "BY CLASS"}


@click.command(cls=ExampleCommand, example="triage worklist watch --dry-run --json")
@dry_run_option
@json_option
def watch(dry_run: bool, as_json: bool) -> int:
    """Judge the last seven days; stop the order if missed, routine or urgent studies waited too long for it.

    The closer does this every hour. Exit code 10: the rule says stop.
    """
    from triage.watch import watch as judged

    with opened() as session:
        done = judged(session.engine, session.settings.order_policy(), datetime.now(UTC), dry_run=dry_run)
    if as_json:
        write_json("OrderWatch", [shown(done, dry_run=dry_run)])
    else:
        tell(done, dry_run=dry_run)
    return TROUBLE if done.decision.stop else 0


def shown(done: Watched, *, dry_run: bool) -> dict[str, Any]:
    """Return what was found and done, as fields."""
    return {
        "policy": done.policy.describe(),
        "stop": done.decision.stop,
        "found": done.decision.reason,
        "figures": asdict(done.figures) if done.figures else None,
        "stopped": done.change is not None,
        "policy_id": done.change.version.id if done.change else None,
        "waiting": done.change.waiting if done.change else None,
        "moved": done.change.moved if done.change else None,
        "dry_run": dry_run,
    }


def tell(done: Watched, *, dry_run: bool) -> None:
    """Say it for a person."""
    if done.figures is not None:
        actual, base = asdict(done.figures.actual), asdict(done.figures.base)
        rows = [{"figure": name.replace("_", " "), **_pair(actual[name], base[name])} for name in actual]
        write_table(rows, COLUMNS, "Nothing.")
        say(f"{done.figures.studies} studies in {done.figures.days:g} days under {done.policy.describe()}")
    say(f"{'stop' if done.decision.stop else 'go on'}: {done.decision.reason}")
    if done.change is not None:
        say(
            f"the order is by requested class from now on; {done.change.moved} of {done.change.waiting} studies moved"
        )
    elif done.decision.stop:
        say("nothing was changed" + (" (--dry-run)" if dry_run else ": it is stopped already"))


def _pair(actual: float | None, base: float | None) -> dict[str, str | None]:
    return {
        "actual": None if actual is None else f"{actual:.1f}",
        "base": None if base is None else f"{base:.1f}",
    }
