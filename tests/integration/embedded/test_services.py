"""A real PostgreSQL and a real Valkey on unix sockets: private, durable, found again, gone when told to."""

from __future__ import annotations

import os
import signal
import socket
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg2
import pytest

from tests.integration.embedded import unprivileged
from triage.domain.errors import ConfigError
from triage.embedded import postgres, valkey
from triage.embedded.places import DATABASE, Places
from triage.embedded.service import Service, alive, wait_until


@pytest.fixture
def places() -> Iterator[Places]:
    with unprivileged.home() as home:
        yield Places(home)


def started(service: Service) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        service.argv,
        cwd=service.folder,
        env={**os.environ, **service.environment},
        stdout=subprocess.DEVNULL,
        stderr=(service.folder.parent / f"{service.name}.log").open("ab"),
    )
    assert wait_until(service.ready, 60), (service.folder.parent / f"{service.name}.log").read_text()
    return process


def stopped(process: subprocess.Popen[bytes], service: Service) -> int:
    process.send_signal(service.stop_signal)
    return process.wait(30)


def ask(places: Places, statement: str) -> str:
    connection = psycopg2.connect(host=str(places.run), user=DATABASE, dbname=DATABASE)
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            cursor.execute(statement)
            row = cursor.fetchone() if cursor.description else None
            return str(row[0]) if row else ""
    finally:
        connection.close()


def test_postgres_keeps_what_it_committed_through_a_kill_and_is_private_and_checked(places: Places) -> None:
    programs, _ = unprivileged.programs()

    def part() -> None:
        service = postgres.prepare(places, programs)
        process = started(service)
        assert service.running() == process.pid
        assert ask(places, "SHOW data_checksums") == "on"
        assert ask(places, "SHOW synchronous_commit") == "on"
        assert ask(places, "SHOW listen_addresses") == ""
        assert stat.S_IMODE(places.run.stat().st_mode) == 0o700
        ask(places, "CREATE TABLE kept AS SELECT 7 AS number")
        process.kill()
        process.wait()
        assert wait_until(lambda: service.running() is None, 10)
        again = started(postgres.prepare(places, programs))
        assert ask(places, "SELECT number FROM kept") == "7"
        assert stopped(again, service) == 0
        assert not service.ready()

    unprivileged.run(part)


def test_the_database_log_never_quotes_a_statement_or_a_value(places: Places) -> None:
    programs, _ = unprivileged.programs()

    def part() -> None:
        service = postgres.prepare(places, programs)
        process = started(service)
        ask(places, "CREATE TABLE t (name text UNIQUE)")
        ask(places, "INSERT INTO t VALUES ('SENTINEL^PATIENT')")
        for statement in ("INSERT INTO t VALUES ('SENTINEL^PATIENT')", "SELECT 'SENTINEL^PATIENT'::int"):
            with pytest.raises(psycopg2.Error):
                ask(places, statement)
        stopped(process, service)
        log = (places.home / "postgres.log").read_text()
        assert "ready to accept connections" in log
        assert "SENTINEL" not in log

    unprivileged.run(part)


def test_a_cluster_of_another_major_version_is_refused_with_what_to_do(places: Places) -> None:
    programs, _ = unprivileged.programs()

    def part() -> None:
        postgres.prepare(places, programs)
        (places.postgres / "PG_VERSION").write_text("9\n")
        with pytest.raises(ConfigError, match="was made by PostgreSQL 9"):
            postgres.prepare(places, programs)

    unprivileged.run(part)


def test_a_start_cut_short_leaves_no_half_cluster(places: Places) -> None:
    programs, _ = unprivileged.programs()

    def part() -> None:
        half = places.postgres.with_name("postgres.new")
        half.mkdir(parents=True)
        (half / "PG_VERSION").write_text("18\n")
        service = postgres.prepare(places, programs)
        assert not half.exists()
        assert stopped(started(service), service) == 0

    unprivileged.run(part)


def test_a_number_left_in_the_pid_file_is_not_taken_for_the_server(places: Places) -> None:
    places.postgres.mkdir(parents=True)
    (places.postgres / "postmaster.pid").write_text(f"{os.getpid()}\n{places.postgres}\n")
    assert postgres.running(places.postgres) is None


def test_valkey_opens_no_port_keeps_its_keys_and_is_found_again(places: Places) -> None:
    _, program = unprivileged.programs()

    def said(line: bytes) -> bytes:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(places.run / "valkey.sock"))
            connection.sendall(line + b"\r\n")
            return connection.recv(4096)

    def part() -> None:
        service = valkey.prepare(places, program)
        process = started(service)
        assert service.running() == process.pid
        assert b"\r\n0\r\n" in said(b"CONFIG GET port")
        assert b"noeviction" in said(b"CONFIG GET maxmemory-policy")
        assert said(b"SET kept 7").startswith(b"+OK")
        assert wait_until(lambda: b"aof_pending_bio_fsync:0" in said(b"INFO persistence"), 5)
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert service.running() is None
        again = started(valkey.prepare(places, program))
        assert b"7" in said(b"GET kept")
        assert stopped(again, service) == 0

    unprivileged.run(part)


def test_no_parent_folder_changes_its_mode(places: Places) -> None:
    programs, _ = unprivileged.programs()
    outer: Path = places.home.parent
    before = outer.stat()
    unprivileged.run(lambda: void(postgres.prepare(places, programs)))
    after = outer.stat()
    assert (before.st_mode, before.st_uid, before.st_gid) == (after.st_mode, after.st_uid, after.st_gid)


def void(_: object) -> None:
    """Drop a value."""


def test_a_zombie_does_not_count_as_alive() -> None:
    process = subprocess.Popen(["true"])
    assert wait_until(lambda: not alive(process.pid), 10)
    process.wait()
