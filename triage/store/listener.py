"""One connection that LISTENs for changes of the worklist. Notifications come at commit, ids only.

Promises: `changes` waits at most as long as asked and raises Unavailable when the connection is lost;
what was notified while nobody listened is lost (the caller reads everything again after `open`).
"""

from __future__ import annotations

import select
from types import TracebackType
from typing import Any

import psycopg2
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from triage.domain.errors import Unavailable

CHANNEL = "worklist"
EVERYBODY = "all"  # the payload that stands for every row


class Listener:
    """A context: open while listening, closed on the way out."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._connection: Any = None

    def __enter__(self) -> Listener:
        try:
            # Through the pool for its address and options, then taken out: LISTEN needs its own session.
            pooled = self._engine.raw_connection()
            pooled.detach()
            self._connection = pooled.dbapi_connection
            self._connection.rollback()
            self._connection.autocommit = True
            with self._connection.cursor() as cursor:
                cursor.execute(f"LISTEN {CHANNEL}")
        except (SQLAlchemyError, psycopg2.Error) as trouble:
            raise Unavailable("database", "the live feed cannot reach the database") from trouble
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    def changes(self, seconds: float) -> list[str]:
        """Return the payloads that came within `seconds` ("study row id:version", EVERYBODY), none if none came."""
        try:
            if not select.select([self._connection], [], [], seconds)[0]:
                return []
            self._connection.poll()
        except (psycopg2.Error, OSError, ValueError) as trouble:
            raise Unavailable("database", "the live feed lost the database") from trouble
        payloads = [notice.payload for notice in self._connection.notifies]
        self._connection.notifies.clear()
        return payloads
