"""`triage status`: what runs and what waits, in one look."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
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
    from triage.store import evidence, operations, presence, queue_rows, studies, worklist

    with opened() as session:
        engine = session.engine
        rows = [_living(one) for one in presence.everyone(engine)]
        rows.append({"part": "studies", "state": "", "detail": _counted(studies.counts(engine))})
        rows.append({"part": "analyses", "state": "", "detail": _counted(queue_rows.counts(engine))})
        rows += [_queued(line) for line in operations.queue(engine)]
        for failure in operations.failures(engine):
            detail = f"{failure.number} failed, {failure.quarantined} quarantined, newest study {failure.newest_study}"
            rows.append({"part": f"failure {failure.reason}", "state": "", "detail": detail})
        rows += _last_day(engine)
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


def _queued(line: Any) -> dict[str, Any]:
    detail = f"{line.number}, oldest {line.oldest_seconds:.0f} s, at most {line.most_attempts} attempts"
    return {"part": f"queue {line.algorithm}", "state": line.state, "detail": detail}


def _last_day(engine: Any) -> list[dict[str, Any]]:
    """Return what the operations page says of the last 24 hours."""
    from triage.store import operations

    since = datetime.now(UTC) - timedelta(days=1)
    rows = [
        {"part": f"sender {one.calling_ae}", "state": "", "detail": f"{one.objects} objects in 24 h"}
        for one in operations.senders(engine, since)
    ]
    found, missing = operations.answers(engine, since), operations.not_analysed(engine, since)
    told = (
        f"{operations.received(engine, since)} received, {found.analysed} analysed, {found.flagged} flagged"
    )
    rows.append({"part": "last 24 h", "state": "", "detail": f"{told}, {found.late} flags later than 3 min"})
    rows.append({"part": "not analysed, 24 h", "state": "", "detail": _counted(missing)})
    for one in operations.waits(engine, since):
        kind = f"{one.requested}, {'flagged' if one.flagged else 'not flagged or no answer'}"
        detail = f"{one.opened} opened, p50 {one.p50:.0f} min, p95 {one.p95:.0f} min"
        rows.append({"part": f"wait {kind}", "state": "", "detail": detail})
    return rows


def _counted(counts: dict[str, int]) -> str:
    from triage.store.bounded import spoken

    return ", ".join(f"{spoken(number)} {name}" for name, number in counts.items()) or "none"
