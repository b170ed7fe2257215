"""When the demonstration is over, and what counts as lost."""

from __future__ import annotations

import socket
import tomllib
from pathlib import Path

import pytest

from triage.config import load_settings
from triage.demo import settings as demo_settings
from triage.demo.__main__ import Tally
from triage.demo.sender import files_below
from triage.demo.settled import Missing
from triage.supervisor.claim import port_is_free

NOTHING = {"incoming": 0, "receiving": 0, "closed": 0, "pending": 0, "refused": 0}


@pytest.mark.parametrize("awaited", ["incoming", "receiving", "closed", "pending"])
def test_it_is_not_over_while_anything_is_awaited(awaited: str) -> None:
    found = Missing(**{**NOTHING, awaited: 3})
    assert not found.settled
    assert found.sentence().startswith("3 ")


def test_it_is_over_when_nothing_is_awaited_even_if_the_pacs_refused_something() -> None:
    assert Missing(**NOTHING).settled
    assert Missing(**{**NOTHING, "refused": 1}).settled
    assert Missing(**NOTHING).sentence() == "nothing"


def test_a_file_that_must_be_refused_is_listed_and_one_lost_on_the_way_counts(
    capsys: pytest.CaptureFixture[str],
) -> None:
    tally = Tally()
    tally.count({"file": "a", "verdict": "sent", "reason": "stored", "status": 0})
    tally.count({"file": "b", "verdict": "refused", "reason": "status-C007", "status": 0xC007})
    tally.count({"file": "c", "verdict": "later", "reason": "no-status", "status": None})
    tally.count({"file": "d", "verdict": "not-tried", "reason": "unreachable", "status": None})
    tally.report("a folder")
    assert (tally.stored, tally.lost) == (1, 2)
    said = capsys.readouterr().out
    assert "1 files of a folder stored, 3 not" in said
    assert "not stored: b: status-C007 (0xC007)" in said


def test_the_demonstration_settings_are_written_once_are_valid_and_avoid_taken_ports(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        usual = demo_settings.USUAL_PORTS["web"]
        if port_is_free("127.0.0.1", usual):
            taken.bind(("127.0.0.1", usual))
            taken.listen()
        assert demo_settings.write_once(tmp_path)
    settings = load_settings({}, home=tmp_path)
    ports = {settings.dicom.port, settings.web.port, settings.results.destinations[0].port}
    assert len(ports) == 3
    assert settings.web.port != usual
    assert settings.product.mode == "assist"
    assert settings.product.clinical is False
    (tmp_path / "triage.toml").write_text("")
    assert not demo_settings.write_once(tmp_path)
    assert tomllib.loads((tmp_path / "triage.toml").read_text()) == {}


def test_files_below_a_folder_come_in_a_stable_order(tmp_path: Path) -> None:
    for name in ("b/2", "a/1", "c"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert files_below(tmp_path) == [tmp_path / "a/1", tmp_path / "b/2", tmp_path / "c"]
    assert files_below(tmp_path / "c") == [tmp_path / "c"]
