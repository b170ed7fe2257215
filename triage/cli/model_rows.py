"""The bundles of this installation as rows: shipped ones with their pins, imported ones with their roles."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from triage.cli.output import say

if TYPE_CHECKING:
    from triage.cli.session import Session
    from triage.domain.model import Placed

COLUMNS = {
    "name": "MODEL",
    "version": "VERSION",
    "role": "ROLE",
    "since": "SINCE",
    "actor": "BY",
    "data_origin": "TRAINED ON",
    "digest": "SHA-256",
    "state": "STATE",
}
_EMPTY = dict.fromkeys((*COLUMNS, "reason", "architecture", "folder"))


def rows(session: Session) -> list[dict[str, Any]]:
    """Return every bundle, shipped ones first; without the database what was imported has no role."""
    from triage.bundles import folder
    from triage.domain.errors import Unavailable
    from triage.store import models

    placed: list[Placed] | None = None
    try:
        placed = models.catalogue(session.engine)
    except Unavailable as away:
        say(f"Roles and imported bundles are not known: {away.sentence}.")
    live = {one.model.name for one in placed or () if one.role == "live"}
    root = folder.shipped_root(session.settings.models.root)
    pins = folder.pins(root)
    found = [_shipped(path, pins.get(path.name), path.name in live) for path in folder.pinned(root)]
    return found + [_imported(one, session.settings.model_store) for one in placed or ()]


def _shipped(path: Path, pin: str | None, replaced: bool) -> dict[str, Any]:
    from triage.bundles import folder

    # Without a promotion, and without a database to ask, the shipped one is what a worker would serve.
    role = "" if replaced else "live"
    return {**_EMPTY, "role": role, "folder": path, **folder.about(path, pin)}


def _imported(placed: Placed, store: Path) -> dict[str, Any]:
    from triage.bundles import folder, keep

    known = placed.model
    where = keep.place(store, known.name, known.version)
    state = folder.about(where, known.digest)["state"] if where.is_dir() else "imported, but missing"
    return {
        **_EMPTY,
        "name": known.name,
        "version": known.version,
        "data_origin": known.data_origin,
        "architecture": known.architecture,
        "digest": known.digest,
        "role": str(placed.role),
        "since": placed.since,
        "actor": placed.actor,
        "reason": placed.reason,
        "folder": where,
        "state": state,
    }
