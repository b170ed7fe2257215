"""`triage status`: what runs and what waits, in one look."""

from __future__ import annotations

from typing import Any

import click

from triage.cli.output import write_rows
from triage.cli.session import opened
from triage.cli.shape import ExampleCommand, json_option

COLUMNS = {"part": "PART", "state": "STATE", "detail": "DETAIL"}


@click.command(cls=ExampleCommand, example="triage status")
@json_option
def status(as_json: bool) -> None:
    """Show every process, the queue, the deliveries and the worklist."""
    rows = collect()
    write_rows("Part", rows, COLUMNS, as_json=as_json)


def collect() -> list[dict[str, Any]]:
    """Return one row per part of the product."""
    from triage.store import evidence, presence, queue_rows, studies, worklist

    with opened() as session:
        engine = session.engine
        rows = [_living(one) for one in presence.everyone(engine)]
        rows.append({"part": "studies", "state": "", "detail": _counted(studies.counts(engine))})
        rows.append({"part": "analyses", "state": "", "detail": _counted(queue_rows.counts(engine))})
        for peer in evidence.backlog(engine):
            detail = f"{peer.pending} waiting, {peer.refused} refused, oldest {peer.oldest_seconds:.0f} s"
            rows.append({"part": f"delivery {peer.peer}", "state": "", "detail": detail})
        tabs = {tab.value: number for tab, number in worklist.counts(engine).items()}
        rows.append({"part": "worklist", "state": "", "detail": _counted(tabs)})
    return rows


def _living(one: Any) -> dict[str, Any]:
    state = one.state if one.alive else "not seen lately"
    return {
        "part": one.process,
        "state": state,
        "detail": f"pid {one.pid}, seen {one.silent_seconds:.0f} s ago",
    }


def _counted(counts: dict[str, int]) -> str:
    return ", ".join(f"{number} {name}" for name, number in counts.items()) or "none"
