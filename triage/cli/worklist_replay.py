"""`triage worklist replay`: the site's own days under another order or threshold."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from triage.cli.output import say, write_json, write_table
from triage.cli.session import MOMENT, opened
from triage.cli.shape import ExampleCommand, json_option
from triage.cli.worklist_simulate import ORDER, with_options
from triage.cli.worklist_theory import SHARE

if TYPE_CHECKING:
    from triage.proof.replay import Replay, ReplayedKind

COLUMNS = {
    "order": "ORDER",
    "kind": "KIND",
    "studies": "STUDIES",
    "mean": "MEAN",
    "interval": "95 %",
    "p50": "P50",
    "p95": "P95",
    "p99": "P99",
    "worst": "MAX",
    "wall": "MEAN, WALL",
}


@click.command(
    cls=ExampleCommand, example="triage worklist replay --since 7d --policy seniority --threshold 0.4 --json"
)
@click.option("--since", type=MOMENT, default="7d", show_default=True, help="From this time on.")
@click.option("--threshold", type=SHARE, help="Flag from this probability on (default: as it was flagged).")
@with_options(ORDER)
@json_option
def replay(since: datetime, threshold: float | None, as_json: bool, **values: Any) -> None:
    """Replay the site's days: each real opening takes the first study of another order."""
    from triage.cli.worklist_simulate import order_of
    from triage.proof.harm import harm
    from triage.proof.orders import Terms
    from triage.proof.replay import SiteClock, days_of
    from triage.proof.replay import replay as again
    from triage.store import ledger, worklist_policy

    until = datetime.now(UTC)
    with opened() as session:
        rows = ledger.waited(session.engine, since, until)
        policy = worklist_policy.current(session.engine, session.settings.order_policy()).policy
    order = order_of(values, Terms.of(policy), policy.guard)
    days = days_of(rows, since, until, SiteClock.of(policy.rota, since), threshold)
    done = again(days, order)
    if as_json:
        shown = {"policy": order.name, "threshold": threshold, **asdict(done), "harm": asdict(harm(days))}
        write_json("Replay", [shown])
        return
    write_table([line(one) for one in done.kinds], COLUMNS, "Nothing waited.")
    tell(done)


def line(one: ReplayedKind) -> dict[str, Any]:
    """Return one line of the table: the staffed clock, and the wall clock's mean."""
    tail = one.staffed
    shown = {name: f"{getattr(tail, name):.1f}" for name in ("mean", "p50", "p95", "p99", "worst")}
    interval = f"{tail.low:.1f} to {tail.high:.1f}"
    return {**asdict(one), **shown, "interval": interval, "wall": f"{one.wall.mean:.1f}"}


def tell(done: Replay) -> None:
    """Say what the table does not."""
    say(f"{done.studies} studies, {done.openings} openings, {done.still_waiting} still wait")
    say(f"flags per hour: {done.flags_per_hour:.2f}; promoted by the guard: {done.promoted_share:.2%}")
    if done.phi is None:
        say(
            "phi: not known; no labelled fresh fracture in these days whose wait an order could have shortened"
        )
    else:
        say(
            f"phi: {done.phi:.2f} ({done.phi_low:.2f} to {done.phi_high:.2f}) of {done.fresh} fresh fractures"
        )
