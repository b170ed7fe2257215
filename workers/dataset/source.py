"""Where a dataset's files come from: a folder, or the product's spool by query.

Promise: the spool is only read; its files are named by digest, so nothing in files.json names anybody.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from triage.domain.errors import NotFound
from workers.dataset.scan import files_below

if TYPE_CHECKING:
    from triage.spool import Spool
    from triage.store.images import ImageQuery


@dataclass(frozen=True, slots=True)
class Source:
    """Files below a root."""

    root: Path
    paths: Sequence[Path]


def from_folder(folder: Path) -> Source:
    """Return every file below a folder."""
    return Source(folder, files_below(folder))


def from_spool(query: ImageQuery, actor: str) -> Source:
    """Return the spooled images of a query, by this installation's settings; raises NotFound where there are none."""
    from triage.config import load_settings
    from triage.spool import Spool
    from triage.store import images
    from triage.store.engine import connect

    settings = load_settings()
    engine = connect(settings.database.url.get_secret_value(), pool_size=1)
    try:
        names = images.choose(engine, query, actor)
    finally:
        engine.dispose()
    spool = Spool(settings.spool_root)
    paths = [path for name in names if (path := _kept(spool, name)) is not None]
    if not paths:
        raise NotFound("images", "the spool holds no image that the query asks for")
    return Source(spool.root, paths)


def _kept(spool: Spool, name: str) -> Path | None:
    try:
        return spool.path(name)
    except NotFound:
        # Expired since: the catalogue remembers longer than the disk.
        return None
