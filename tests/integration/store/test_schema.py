"""The migrations make the tables the code sees."""

from __future__ import annotations

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from tests import services
from triage.domain.errors import Unavailable
from triage.store import engine as store_engine
from triage.store import schema, studies
from triage.store.tables import metadata


def test_the_migrations_make_exactly_the_tables_the_code_sees(engine: Engine) -> None:
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_server_default": False})
        assert compare_metadata(context, metadata) == []


def test_a_migrated_database_is_at_head(engine: Engine) -> None:
    assert schema.current(engine) == schema.head()


def test_upgrading_twice_changes_nothing(engine: Engine) -> None:
    assert schema.upgrade(engine) == schema.head()


def test_the_schema_can_be_removed_and_made_again(engine: Engine) -> None:
    schema.downgrade(engine, "base")
    assert schema.current(engine) is None
    assert schema.upgrade(engine) == schema.head()


def test_the_audit_cannot_be_rewritten(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("INSERT INTO audit (actor, action, subject) VALUES ('a', 'b', 'c')"))
    for statement in ("UPDATE audit SET actor = 'x'", "DELETE FROM audit", "TRUNCATE audit"):
        with pytest.raises(DBAPIError, match="append-only"), engine.begin() as connection:
            connection.execute(text(statement))


def test_a_plain_postgresql_url_gets_the_driver_this_product_ships() -> None:
    assert store_engine.database_url("postgresql://u@h/d").drivername == "postgresql+psycopg2"
    assert "postgresql+psycopg2" in services.postgres().url("x")


def test_a_database_without_our_tables_is_unavailable_and_not_a_crash(engine: Engine) -> None:
    schema.downgrade(engine, "base")
    with pytest.raises(Unavailable) as away:
        studies.counts(engine)
    assert away.value.reason == "schema"
