"""`triage worklist`: what a reader does on the page, from a terminal; and why a study stands where it stands."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from triage.cli.output import say, write_fields, write_rows
from triage.cli.session import Session, acting, opened
from triage.cli.shape import ExampleCommand, ExampleGroup, actor_option, json_option, limit_option
from triage.cli.worklist_marks import label, note
from triage.cli.worklist_outcomes import outcomes
from triage.cli.worklist_policy import policy
from triage.cli.worklist_replay import replay
from triage.cli.worklist_simulate import scenario, simulate
from triage.cli.worklist_theory import theory
from triage.cli.worklist_watch import watch
from triage.domain.errors import Conflict, NotFound

if TYPE_CHECKING:
    from triage.domain.worklist import WorklistRow

TABS = ("unread", "mine", "read", "not-analysed", "all")
# Names and birth dates stay on the page; the terminal shows what an administrator needs to find a study.
FIELDS = (
    "study_id",
    "study_instance_uid",
    "accession_number",
    "state",
    "version",
    "tier",
    "key",
    "reason_code",
    "reason",
    "ai_status",
    "ai_reason",
    "ai_sentence",
    "outcome",
    "requested_priority",
    "study_state",
    "modalities",
    "images",
    "arrived_at",
    "claimed_by",
    "claimed_until",
    "pinned_by",
    "completed_by",
    "completed_at",
    "results_sent",
    "results_pending",
    "results_refused",
    "notes",
    "labels",
)
COLUMNS = {
    "position": "#",
    "study_id": "STUDY",
    "accession_number": "ACCESSION",
    "modalities": "MODALITY",
    "reason": "WHY HERE",
    "ai_status": "AI",
    "state": "STATE",
    "claimed_by": "CLAIM",
    "images": "IMAGES",
    "results": "RESULTS",
    "arrived_at": "ARRIVED",
}
study_argument: Callable[[Any], Any] = click.argument("study", metavar="STUDY")


def record(row: WorklistRow, position: int | None = None) -> dict[str, Any]:
    """Return one row as the command line shows it."""
    fields = asdict(row)
    shown = {name: fields[name] for name in FIELDS}
    total = row.results_sent + row.results_pending + row.results_refused
    shown["results"] = f"{row.results_sent}/{total} sent" if total else "-"
    return {"position": position, **shown}


def find_one(session: Session, name: str) -> WorklistRow:
    """Return the one row a person means by UID, accession number or row id."""
    from triage.store import worklist as rows

    found = rows.find(session.engine, name, session.settings.order_policy())
    if not found:
        raise NotFound("worklist", f"no study on the worklist has the UID, accession number or id {name!r}")
    if len(found) > 1:
        # Not by its id: a number may be one study's id and another's accession number.
        uids = ", ".join(row.study_instance_uid for row in found)
        raise Conflict("ambiguous", f"{len(found)} studies go by {name!r}: name one by its UID ({uids})")
    return found[0]


@click.group(cls=ExampleGroup, example="triage worklist list")
def worklist() -> None:
    """The reading worklist."""


@worklist.command("list", cls=ExampleCommand, example="triage worklist list --tab not-analysed --json")
@click.option(
    "--tab", type=click.Choice(TABS), default="unread", show_default=True, help="Which part of the list."
)
@actor_option
@limit_option
@json_option
def list_(tab: str, actor: str | None, limit: int, as_json: bool) -> None:
    """List studies in the order they are to be read."""
    from triage.domain.worklist import Tab
    from triage.store import worklist as rows

    with opened() as session:
        site = session.settings.order_policy()
        found = rows.page(session.engine, Tab(tab), limit=limit, reader=acting(actor), site=site)
    shown = [record(row, position) for position, row in enumerate(found, 1)]
    write_rows("WorklistItem", shown, COLUMNS, as_json=as_json, nothing="Nothing is waiting.")


@worklist.command("next", cls=ExampleCommand, example="triage worklist next --as 'Dr Ito'")
@actor_option
@json_option
def next_(actor: str | None, as_json: bool) -> None:
    """Claim the first study that nobody holds."""
    from triage.store import worklist as rows

    with opened() as session:
        settings = session.settings
        minutes, policy = settings.worklist.claim_minutes, settings.order_policy()
        row = rows.next_row(session.engine, acting(actor), minutes=minutes, policy=policy)
    if row is None:
        raise NotFound("worklist", "nothing is waiting")
    write_fields("WorklistItem", record(row), as_json=as_json)


@worklist.command(cls=ExampleCommand, example="triage worklist why A1042")
@study_argument
@json_option
def why(study: str, as_json: bool) -> None:
    """Say why a study stands where it stands, with the numbers behind its place."""
    from triage.cli.worklist_why import found, shown
    from triage.store import worklist as rows

    with opened() as session:
        site = session.settings.order_policy()
        detail = rows.detail(session.engine, find_one(session, study).study_id, site)
    place = detail.place
    fields = {**shown(place), **found(detail.outcome), **record(place.row, place.position)}
    write_fields("WorklistPlace", fields, as_json=as_json)


def act(verb: str, study: str, actor: str | None, as_json: bool, **more: Any) -> None:
    """Do one act on one study; somebody else's change meanwhile is a conflict."""
    from triage.store import worklist as rows

    with opened() as session:
        row = find_one(session, study)
        more.setdefault("policy", session.settings.order_policy())
        if verb == "claim":
            more["minutes"] = session.settings.worklist.claim_minutes
        changed = getattr(rows, verb)(session.engine, row.study_id, acting(actor), row.version, **more)
    if as_json:
        write_rows("WorklistItem", [record(changed)], COLUMNS, as_json=True)
    else:
        say(f"{verb}: study {changed.study_id} is {changed.state.value}, version {changed.version}")


@worklist.command(cls=ExampleCommand, example="triage worklist claim A1042 --as 'Dr Ito'")
@study_argument
@actor_option
@json_option
def claim(study: str, actor: str | None, as_json: bool) -> None:
    """Take a study for reading."""
    act("claim", study, actor, as_json)


@worklist.command(cls=ExampleCommand, example="triage worklist release A1042 --override")
@study_argument
@click.option("--override", is_flag=True, help="End somebody else's claim.")
@actor_option
@json_option
def release(study: str, override: bool, actor: str | None, as_json: bool) -> None:
    """Give a claimed study back to the list."""
    act("release", study, actor, as_json, override=override)


@worklist.command(cls=ExampleCommand, example="triage worklist complete A1042 --as 'Dr Ito'")
@study_argument
@click.option("--override", is_flag=True, help="Although somebody else holds it.")
@actor_option
@json_option
def complete(study: str, override: bool, actor: str | None, as_json: bool) -> None:
    """Mark a study as read."""
    act("complete", study, actor, as_json, override=override)


@worklist.command(cls=ExampleCommand, example="triage worklist pin A1042 --reason 'surgeon waiting'")
@study_argument
@click.option("--reason", default="", metavar="TEXT", help="Why, shown beside the study.")
@click.option("--off", is_flag=True, help="Take the pin away again.")
@actor_option
@json_option
def pin(study: str, reason: str, off: bool, actor: str | None, as_json: bool) -> None:
    """Put a study on top by a person's word, or take the pin away."""
    if off:
        act("unpin", study, actor, as_json)
    else:
        act("pin", study, actor, as_json, note=reason)


worklist.add_command(note)
worklist.add_command(label)
worklist.add_command(policy)
worklist.add_command(theory)
worklist.add_command(simulate)
worklist.add_command(scenario)
worklist.add_command(outcomes)
worklist.add_command(replay)
worklist.add_command(watch)
