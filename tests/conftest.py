"""Fixtures every test may use."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from tests import services


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
