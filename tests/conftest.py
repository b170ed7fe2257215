"""Fixtures every test may use."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from tests import services
from tests.command_line import Triage


@pytest.fixture
def engine() -> Iterator[Engine]:
    """An engine on a fresh, migrated PostgreSQL database."""
    with services.connected() as fresh:
        yield fresh


@pytest.fixture
def database_url() -> Iterator[str]:
    """The URL of a fresh, migrated PostgreSQL database."""
    with services.database() as url:
        yield url


@pytest.fixture
def redis_url() -> str:
    """The URL of a real Valkey; its keys are flushed for each test."""
    import redis

    server = services.valkey()
    with redis.Redis(unix_socket_path=str(server.socket)) as client:
        client.flushall()
    return server.url


@pytest.fixture
def spool_root(tmp_path: Path) -> Path:
    """An empty folder for a spool."""
    return tmp_path / "spool"


@pytest.fixture
def triage(engine: Engine, redis_url: str, tmp_path: Path) -> Triage:
    """The command line of a site on a fresh database."""
    return Triage(
        {
            "PATH": os.environ["PATH"],
            "TRIAGE_HOME": str(tmp_path),
            "TRIAGE_DATABASE__URL": engine.url.render_as_string(hide_password=False),
            "TRIAGE_REDIS__URL": redis_url,
        }
    )
