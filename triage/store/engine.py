"""The one way to reach Postgres: URL, timeouts, and the mapping of its failures to our errors.

Promises: a hung or absent database raises Unavailable within seconds; it never blocks a caller for ever.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from sqlalchemy import Connection, Engine, Executable, create_engine, func, select, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.pool import QueuePool

from triage.domain.errors import ConfigError, Unavailable

STATEMENT_TIMEOUT_MS = 15_000
LOCK_TIMEOUT_MS = 5_000
CONNECT_TIMEOUT_S = 5
_NO_SUCH_TABLE_OR_COLUMN = ("42P01", "42703")
_LOCK_NOT_AVAILABLE = "55P03"


def database_url(text_url: str) -> URL:
    """Return the URL with psycopg2 named: `postgresql://` alone means another driver since SQLAlchemy 2.1."""
    try:
        url = make_url(text_url)
    except ArgumentError:
        raise ConfigError(
            "database.url", "is not a database URL", "Write postgresql+psycopg2://user@host/name."
        ) from None
    if url.drivername in ("postgres", "postgresql"):
        url = url.set(drivername="postgresql+psycopg2")
    if url.drivername != "postgresql+psycopg2":
        raise ConfigError(
            "database.url", f"cannot use {url.drivername}", "Write postgresql+psycopg2://user@host/name."
        )
    return url


def connect(text_url: str, *, pool_size: int = 4) -> Engine:
    """Return an engine; connects on first use."""
    options = (
        f"-c statement_timeout={STATEMENT_TIMEOUT_MS} -c lock_timeout={LOCK_TIMEOUT_MS} "
        "-c idle_in_transaction_session_timeout=60000 -c timezone=UTC -c synchronous_commit=on"
    )
    return create_engine(
        database_url(text_url),
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_timeout=5,
        pool_pre_ping=True,
        hide_parameters=True,  # an error's text is logged; the values it would quote are patient data
        connect_args={
            "connect_timeout": CONNECT_TIMEOUT_S,
            "options": options,
            "application_name": "spine-triage",
            "keepalives_idle": 5,
            "keepalives_interval": 2,
            "keepalives_count": 3,
            "tcp_user_timeout": 10_000,
        },
    )


@contextmanager
def transaction(engine: Engine) -> Iterator[Connection]:
    """Open one transaction; a database that is away, hung or shutting down raises Unavailable."""
    try:
        with engine.begin() as connection:
            yield connection
    except (OperationalError, InterfaceError, PoolTimeout) as trouble:
        if _is_about_the_row(trouble):
            raise
        raise Unavailable("database", "the database does not answer") from trouble
    except DBAPIError as trouble:
        if trouble.connection_invalidated:
            raise Unavailable("database", "the database went away") from trouble
        if _code(trouble) in _NO_SUCH_TABLE_OR_COLUMN:
            raise Unavailable("schema", "the database's schema is not the one of this version") from trouble
        raise


def _is_about_the_row(trouble: Exception) -> bool:
    # psycopg2 calls "program limit exceeded" (SQLSTATE class 54: a value too long for its index) operational
    # too; waiting never helps that row, and a caller that waited would hold up every other.
    return _code(trouble).startswith("54")


def _code(trouble: Exception) -> str:
    return str(getattr(getattr(trouble, "orig", None), "pgcode", None) or "")


def lock_within(connection: Connection, statement: Executable, milliseconds: int) -> bool:
    """Run a statement that takes a lock and tell whether it had a row within so long; otherwise nothing is locked."""
    tried = connection.begin_nested()
    try:
        connection.execute(text(f"SET LOCAL lock_timeout = {milliseconds}"))
        found = connection.execute(statement).first() is not None
        connection.execute(text(f"SET LOCAL lock_timeout = {LOCK_TIMEOUT_MS}"))
    except OperationalError as late:
        tried.rollback()
        if _code(late) != _LOCK_NOT_AVAILABLE:
            raise
        return False
    tried.commit() if found else tried.rollback()
    return found


def answers(engine: Engine) -> bool:
    """Return whether the database answers now."""
    try:
        with transaction(engine) as connection:
            connection.execute(text("SELECT 1"))
    except Unavailable:
        return False
    return True


def in_use(engine: Engine) -> int:
    """Return how many of this process's connections are in use now."""
    return engine.pool.checkedout() if isinstance(engine.pool, QueuePool) else 0


def database_now(connection: Connection) -> datetime:
    """Return what the database's clock says at this moment, not at the transaction's start."""
    now: datetime = connection.execute(select(func.clock_timestamp())).scalar_one()
    return now
