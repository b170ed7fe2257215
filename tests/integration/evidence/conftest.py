"""Fixtures of the delivery tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.scripted_pacs import ScriptedPacs, scripted_pacs
from triage.evidence.pacs import StorageSCU
from triage.spool import Spool


@pytest.fixture(scope="module")
def scu() -> Iterator[StorageSCU]:
    """One warm child for a module: starting Python anew for each test would be most of the time."""
    with StorageSCU() as warm:
        yield warm


@pytest.fixture
def spool(spool_root: Path) -> Spool:
    return Spool(spool_root)


@pytest.fixture
def pacs() -> Iterator[ScriptedPacs]:
    with scripted_pacs() as listening:
        yield listening
