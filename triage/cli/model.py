"""`triage model`: the bundles of this installation, from import to rollback, without TensorFlow in this process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from triage.cli.model_rows import COLUMNS, rows
from triage.cli.model_shadow import shadow
from triage.cli.output import say, write_fields, write_rows
from triage.cli.root import TROUBLE
from triage.cli.session import acting, opened
from triage.cli.shape import (
    ExampleCommand,
    ExampleGroup,
    actor_option,
    json_option,
    limit_option,
    reason_option,
)
from triage.domain.errors import NotFound

VERIFIED = {
    "name": "MODEL",
    "version": "VERSION",
    "data_origin": "TRAINED ON",
    "digest": "SHA-256",
    "state": "STATE",
}
HISTORY = {
    "at": "AT",
    "act": "ACT",
    "name": "MODEL",
    "before": "FROM",
    "now": "TO",
    "actor": "BY",
    "reason": "WHY",
}


@click.group(cls=ExampleGroup, example="triage model verify")
def model() -> None:
    """Model bundles: import, promote, roll back, run in the shadow."""


model.add_command(shadow)


@model.command("list", cls=ExampleCommand, example="triage model list --json")
@json_option
def list_(as_json: bool) -> None:
    """List the bundles, which of them are live, in the shadow or previous, and since when."""
    with opened() as session:
        found = rows(session)
    write_rows("Model", found, COLUMNS, as_json=as_json, nothing="No bundle.")


@model.command(cls=ExampleCommand, example="triage model show view-gate")
@click.argument("name")
@json_option
def show(name: str, as_json: bool) -> None:
    """Show a bundle's description and where its model card is; NAME means the live one, NAME@VERSION that one."""
    from triage.bundles.folder import description

    with opened() as session:
        found = rows(session)
    asked = [one for one in found if name in (one["name"], f"{one['name']}@{one['version']}")]
    if not asked:
        raise NotFound("model", f"no bundle is called {name!r}; `triage model list` names them")
    one = min(asked, key=lambda row: row["role"] != "live")
    said = description(Path(one["folder"])) if as_json else {}
    write_fields("Model", {**one, "card": Path(one["folder"]) / "card.md", **said}, as_json=as_json)


@model.command(cls=ExampleCommand, example="triage model verify")
@json_option
def verify(as_json: bool) -> int:
    """Compare every file of every bundle with its pinned digest."""
    with opened() as session:
        found = rows(session)
    write_rows("Model", found, VERIFIED, as_json=as_json, nothing="No bundle.")
    return 0 if found and all(row["state"] == "as pinned" for row in found) else TROUBLE


@model.command(
    "import", cls=ExampleCommand, example="triage model import build/models/bundles/vertebra-fresh"
)
@click.argument("source", type=click.Path(path_type=Path, exists=True), metavar="FILE|FOLDER")
@actor_option
@json_option
def import_(source: Path, actor: str | None, as_json: bool) -> None:
    """Keep a bundle (a folder or a zip file) after its digests and its golden vectors were checked.

    The network runs in a process of its own. What was imported answers nothing until it is promoted.
    """
    from triage.bundles.keep import keep
    from triage.store import models

    with opened() as session:
        kept = keep(
            session.settings.model_store,
            source,
            registered=lambda *which: models.registered(session.engine, *which),
        )
        made, new = models.register(session.engine, kept.facts, acting(actor))
    proof: dict[str, Any] = {name: kept.proof.get(name) for name in ("golden_vectors", "largest_difference")}
    write_fields("Model", {**kept.facts, "folder": kept.folder, **proof, "new": new}, as_json=as_json)
    if not as_json:
        say(f"Kept. It answers from `triage model promote {made.reference} --reason ...` on.")


@model.command(
    cls=ExampleCommand,
    example="triage model promote vertebra-fresh@1.1.0 --reason 'four weeks in the shadow'",
)
@click.argument("reference", metavar="NAME@VERSION")
@reason_option
@actor_option
@json_option
def promote(reference: str, reason: str, actor: str | None, as_json: bool) -> None:
    """Let an imported bundle answer from now on; the workers follow between two studies.

    Studies that were answered keep their answer: `triage requeue` asks for new ones.
    """
    from triage.domain.model import parse_reference
    from triage.store import models

    name, version = parse_reference(reference)
    with opened() as session:
        _demand_whole(session, name, version)
        done = models.promote(session.engine, name, version, acting(actor), reason)
    _tell(done, as_json)


@model.command(cls=ExampleCommand, example="triage model rollback vertebra-fresh --reason 'flags doubled'")
@click.argument("name", required=False)
@reason_option
@actor_option
@json_option
def rollback(name: str | None, reason: str, actor: str | None, as_json: bool) -> None:
    """Take back the newest promotion, of NAME or of any: what it replaced answers again."""
    from triage.store import models

    with opened() as session:
        back = models.rolls_back_to(session.engine, name)
        if back is not None:
            _demand_whole(session, back.name, back.version)
        done = models.rollback(session.engine, acting(actor), reason, name)
    _tell(done, as_json)


@model.command(cls=ExampleCommand, example="triage model history --limit 5")
@limit_option
@json_option
def history(limit: int, as_json: bool) -> None:
    """List promotions and rollbacks, the newest first."""
    from triage.store import models

    with opened() as session:
        found = [_told(one) for one in models.history(session.engine, limit)]
    write_rows("ModelPromotion", found, HISTORY, as_json=as_json, nothing="Nothing was ever promoted.")


def _demand_whole(session: Any, name: str, version: str) -> None:
    """Refuse to let answer what would be refused at the next study."""
    from triage.bundles import folder as bundle_folder
    from triage.bundles.keep import place
    from triage.domain.errors import Refused
    from triage.store import models

    folder = place(session.settings.model_store, name, version)
    digest = models.registered(session.engine, name, version)
    if digest is None:
        return
    state = bundle_folder.about(folder, digest)["state"]
    if state != bundle_folder.AS_PINNED:
        way = f"Move {folder} away if it is there and import that bundle again, or promote another."
        raise Refused("bundle", f"{name}@{version} is not what was imported: {state}. {way}")


def _told(done: Any) -> dict[str, Any]:
    from triage.domain.model import spoken

    return {
        "at": done.at,
        "act": done.act,
        "name": done.name,
        "before": spoken(done.before),
        "now": spoken(done.now),
        "digest": None if done.now is None else done.now.digest,
        "actor": done.actor,
        "reason": done.reason,
    }


def _tell(done: Any, as_json: bool) -> None:
    write_fields("ModelPromotion", _told(done), as_json=as_json)
    if not as_json:
        say(
            "Workers follow before their next study; answers that were given stay. `triage requeue` asks anew."
        )
