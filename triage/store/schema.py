"""Brings the database to the schema this version needs, and says which one it has."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine

import migrations
from triage.store import account_tables as account_tables  # the metadata must hold every table
from triage.store import model_tables as model_tables  # the metadata must hold every table
from triage.store import outcome_tables as outcome_tables  # the metadata must hold every table
from triage.store import reading_tables as reading_tables  # the metadata must hold every table
from triage.store.engine import transaction


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def upgrade(engine: Engine, revision: str = "head") -> str:
    """Upgrade to `revision` and return it; safe to call from several processes at once."""
    with transaction(engine) as connection:
        command.upgrade(_config(connection), revision)
    return current(engine) or ""


def downgrade(engine: Engine, revision: str) -> None:
    """Go back to `revision` ("base" removes every table)."""
    with transaction(engine) as connection:
        command.downgrade(_config(connection), revision)


def current(engine: Engine) -> str | None:
    """Return the revision the database has, None when it is empty."""
    with transaction(engine) as connection:
        return MigrationContext.configure(connection).get_current_revision()


def head() -> str:
    """Return the revision this version of the product needs."""
    found = ScriptDirectory.from_config(_config()).get_current_head()
    if found is None:
        raise RuntimeError("the product was installed without its migrations")
    return found
