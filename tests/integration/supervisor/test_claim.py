"""One supervisor per home, and doors that are free."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from triage.domain.errors import ConfigError, Conflict
from triage.supervisor.claim import check_port, claim_home, port_is_free
from triage.supervisor.program import Backoff


def test_a_second_supervisor_on_one_home_is_told_who_holds_it(tmp_path: Path) -> None:
    lock = claim_home(tmp_path)
    with pytest.raises(Conflict, match=f"already running here as pid {os.getpid()}"):
        claim_home(tmp_path)
    os.close(lock)
    os.close(claim_home(tmp_path))


def test_a_port_in_use_is_refused_with_its_holder_and_a_free_one() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert not port_is_free("127.0.0.1", port)
        with pytest.raises(ConfigError) as refused:
            check_port("dicom.port", "127.0.0.1", port)
    assert f"taken by pid {os.getpid()}" in refused.value.problem
    assert "TRIAGE_DICOM__PORT=" in refused.value.instead
    check_port("dicom.port", "127.0.0.1", port)


def test_the_pause_before_a_restart_doubles_up_to_a_bound() -> None:
    pauses = [Backoff().seconds(failures) for failures in range(1, 10)]
    assert pauses == [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0]
