"""Runs the migrations on the connection that `triage.store.schema` hands over.

Promises: one migrator at a time (advisory lock), and no statement waits long enough to stall reception.
"""

from __future__ import annotations

from alembic import context
from sqlalchemy import Connection, text

from triage.store.tables import metadata

ADVISORY_LOCK = 7_304_112


def run(connection: Connection) -> None:
    """Upgrade or downgrade inside one transaction."""
    context.configure(connection=connection, target_metadata=metadata, transaction_per_migration=False)
    with context.begin_transaction():
        connection.execute(text("SET LOCAL lock_timeout = '10s'"))
        connection.execute(text("SET LOCAL statement_timeout = '120s'"))
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": ADVISORY_LOCK})
        context.run_migrations()


run(context.config.attributes["connection"])
