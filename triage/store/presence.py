"""Which processes are alive: each writes its row every few seconds; a silent one is late, then gone."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, delete, func, select
from sqlalchemy.dialects.postgresql import insert

from triage.store.engine import transaction
from triage.store.tables import presence

LATE_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Presence:
    """One process as last seen; `silent_seconds` is by the database's clock."""

    process: str
    kind: str
    pid: int
    host: str
    state: str
    started_at: datetime
    seen_at: datetime
    silent_seconds: float
    detail: Mapping[str, Any]

    @property
    def alive(self) -> bool:
        """Return whether it was seen lately."""
        return self.silent_seconds <= LATE_SECONDS


def process_name(kind: str, number: int = 0) -> str:
    """Return the name under which this process reports."""
    return f"{kind}-{number}@{socket.gethostname()}"


def seen(
    engine: Engine, process: str, kind: str, *, state: str = "ok", detail: Mapping[str, Any] | None = None
) -> None:
    """Report this process as alive; a new pid starts a new life."""
    now = func.now()
    row = {
        "process": process,
        "kind": kind,
        "pid": os.getpid(),
        "host": socket.gethostname(),
        "state": state,
        "seen_at": now,
        "detail": dict(detail or {}),
    }
    query = insert(presence).values(row)
    query = query.on_conflict_do_update(
        index_elements=["process"],
        set_={
            **{name: query.excluded[name] for name in ("kind", "pid", "host", "state", "seen_at", "detail")},
            "started_at": func.coalesce(
                select(presence.c.started_at)
                .where(presence.c.process == process, presence.c.pid == os.getpid())
                .scalar_subquery(),
                now,
            ),
        },
    )
    with transaction(engine) as connection:
        connection.execute(query)


def gone(engine: Engine, process: str) -> None:
    """Forget a process that ended in good order."""
    with transaction(engine) as connection:
        connection.execute(delete(presence).where(presence.c.process == process))


def everyone(engine: Engine) -> list[Presence]:
    """Return every known process, by kind and name."""
    silent = func.extract("epoch", func.now() - presence.c.seen_at).label("silent_seconds")
    query = select(presence, silent).order_by(presence.c.kind, presence.c.process)
    with transaction(engine) as connection:
        rows = connection.execute(query).mappings()
        return [Presence(**{**row, "silent_seconds": float(row["silent_seconds"])}) for row in rows]
