"""`triage worklist outcomes`: what reports said, and what the algorithm is worth by it."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from triage.cli.output import say, write_fields, write_json, write_table
from triage.cli.session import MOMENT, acting, opened
from triage.cli.shape import ExampleCommand, ExampleGroup, actor_option, json_option

if TYPE_CHECKING:
    from triage.domain.outcome import LineProblem
    from triage.proof.figures import Figures, Share

PARTLY = 6
SHARES = ("prevalence", "sensitivity", "specificity", "ppv", "npv")
DECILES = {
    "studies": "STUDIES",
    "probability": "PROBABILITY",
    "expected": "EXPECTED",
    "observed": "OBSERVED",
}


@click.group(cls=ExampleGroup, example="triage worklist outcomes figures --since 90d")
def outcomes() -> None:
    """What reports said of studies, and what the algorithm is worth by it."""


@outcomes.command("import", cls=ExampleCommand, example="triage worklist outcomes import reports.csv --json")
@click.argument("file", metavar="FILE", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@actor_option
@json_option
def import_(file: Path, actor: str | None, as_json: bool) -> int:
    """Record labels from a CSV file: accession, label (or code), reported_at if known.

    Labels: fresh, old, none, unknown. A code stands for a label by the setting outcomes.codes. Ends with 6 when
    some lines were not taken; importing again does no harm.
    """
    from triage.domain.errors import Refused
    from triage.proof.outcome_file import read
    from triage.store import outcomes as store

    try:
        text = file.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise Refused("encoding", "the file is not UTF-8") from None
    with opened() as session:
        found, problems = read(text, session.settings.outcomes.codes)
        done = store.record(session.engine, found, acting(actor))
    problems = sorted([*problems, *done.unmatched], key=lambda problem: problem.line)
    shown = {"recorded": done.recorded, "unchanged": done.unchanged, "not_taken": len(problems)}
    if as_json:
        write_json("OutcomeImport", [{**shown, "problems": [asdict(problem) for problem in problems]}])
    else:
        write_fields("OutcomeImport", shown, as_json=False)
        tell(problems)
    return PARTLY if problems else 0


def tell(problems: list[LineProblem]) -> None:
    """Say which lines were not taken; never what they held."""
    for problem in problems:
        say(f"line {problem.line} {problem.sentence}")


@outcomes.command(cls=ExampleCommand, example="triage worklist outcomes figures --since 90d --json")
@click.option("--since", type=MOMENT, default="90d", show_default=True, help="Studies that came since then.")
@click.option("--by-sender", is_flag=True, help="Also for each calling AE title.")
@json_option
def figures(since: datetime, by_sender: bool, as_json: bool) -> None:
    """Say how often the algorithm was right here, with intervals."""
    from triage.proof.figures import figures as of
    from triage.store import outcomes as store

    with opened() as session:
        rows = store.scored(session.engine, since)
        unlabelled = store.unlabelled(session.engine, since)
    found = {"": of(rows)}
    if by_sender:
        for sender in sorted({row.sender for row in rows}):
            found[sender] = of([row for row in rows if row.sender == sender])
    if as_json:
        shown = [{"sender": sender or None, **asdict(one)} for sender, one in found.items()]
        write_json("OutcomeFigures", [{"unlabelled": unlabelled, **row} for row in shown])
        return
    say(f"studies without a label: {unlabelled}")
    for sender, one in found.items():
        say(f"\n{sender or 'all senders'}")
        write_fields("OutcomeFigures", _lines(one), as_json=False)
        say("")
        write_table([asdict(tenth) for tenth in one.deciles], DECILES, "No probability.")


def _lines(one: Figures) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "scored": one.scored,
        "unknown_label": one.unknown_label,
        "without_answer": f"{one.without_answer} ({one.fresh_without_answer} fresh)",
    }
    shown |= {name: _share(getattr(one, name)) for name in SHARES}
    shown["auc"] = f"{one.auc.value:.3f} ({one.auc.low:.3f} to {one.auc.high:.3f})" if one.auc else None
    for name in ("intercept", "slope", "calibration_error"):
        value = getattr(one, name)
        shown[name] = None if value is None else f"{value:.3f}"
    return shown


def _share(one: Share) -> str | None:
    if one.value is None:
        return None
    return f"{one.value:.3f} ({one.low:.3f} to {one.high:.3f}), {one.hits} of {one.of}"
