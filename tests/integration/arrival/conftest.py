"""A receiver for each test that asks for one, on a free loopback port."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.arrival.receiving import Receiver, ReceiverProcess


@pytest.fixture
def receiver(spool_root: Path) -> Iterator[Receiver]:
    """A receiver in this process with short deadlines and four known peers."""
    with Receiver(spool_root) as running:
        yield running


@pytest.fixture(scope="module")
def receiver_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ReceiverProcess]:
    """The receiver as a process; shared by the tests of a module, which leave it serving."""
    running = ReceiverProcess(tmp_path_factory.mktemp("home"))
    yield running
    assert running.close() == 0
