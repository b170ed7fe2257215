"""Prepares and describes the embedded PostgreSQL.

Promises: data checksums, synchronous commit, one unix socket in a 0700 folder, peer authentication for
this account (and root) only; no statement, parameter or key value ever reaches its log.
Refuses uid 0 and a data folder of another major version.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
from pathlib import Path

import psycopg2

from triage.domain.errors import ConfigError, Unavailable
from triage.embedded.places import DATABASE, Places
from triage.embedded.programs import postgres_programs
from triage.embedded.service import Service, alive

# Statements, DETAIL lines and some messages quote what was sent, which may be a patient's name. Errors go to the
# client, which knows what to do; the log keeps what concerns the server ("log" ranks above "error" there).
CONFIGURATION = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    "shared_buffers": "128MB",
    "synchronous_commit": "on",
    "fsync": "on",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "logging_collector": "off",
    "log_min_messages": "log",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_parameter_max_length_on_error": "0",
    "log_line_prefix": "",
}
INITDB_SECONDS = 120


def prepare(places: Places, programs: Path | None = None) -> Service:
    """Make the cluster when there is none and return its service; starts nothing that stays."""
    if os.geteuid() == 0:
        raise ConfigError(
            "TRIAGE_HOME", "PostgreSQL must not run as root", "Start with `triage up` or ops/demo."
        )
    folder = programs or postgres_programs()
    places.make()
    if not (places.postgres / "PG_VERSION").is_file():
        _make_cluster(places.postgres, folder)
    _check_version(places.postgres, folder)
    _write_access(places.postgres)
    options = [f"{key}={value}" for key, value in CONFIGURATION.items()]
    options.append(f"unix_socket_directories={places.run}")
    argv = [str(folder / "postgres"), "-D", str(places.postgres)]
    for option in options:
        argv += ["-c", option]
    return Service(
        name="postgres",
        argv=tuple(argv),
        folder=places.postgres,
        ready=lambda: answers(places),
        running=lambda: running(places.postgres),
        stop_signal=signal.SIGINT,  # "fast" shutdown: sessions end, the data folder is left clean
        environment={"LC_ALL": "C", "TZ": "UTC"},
    )


def answers(places: Places) -> bool:
    """Return whether the database accepts a session now."""
    try:
        psycopg2.connect(host=str(places.run), user=DATABASE, dbname=DATABASE, connect_timeout=5).close()
    except psycopg2.OperationalError:
        return False
    return True


def running(data: Path) -> int | None:
    """Return the pid of a postmaster that already serves this data folder."""
    try:
        pid = int((data / "postmaster.pid").read_text().split("\n", 1)[0])
        command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except (OSError, ValueError):
        return None
    # After a reboot the number in postmaster.pid may belong to any program.
    return pid if alive(pid) and os.fsencode(data) in command else None


def _run(program: Path, *arguments: str, **more: str) -> None:
    try:
        subprocess.run(
            [str(program), *arguments],
            check=True,
            capture_output=True,
            text=True,
            timeout=INITDB_SECONDS,
            env={"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"},
            cwd="/",
            **more,  # type: ignore[call-overload]  # only `input`, a str
        )
    except subprocess.CalledProcessError as trouble:
        said = (trouble.stderr or trouble.stdout or "").strip().splitlines()[-3:]
        raise Unavailable("database", f"{program.name} failed: {' '.join(said)}") from trouble
    except (OSError, subprocess.TimeoutExpired) as trouble:
        raise Unavailable("database", f"{program.name} could not run: {trouble}") from trouble


def _make_cluster(data: Path, programs: Path) -> None:
    # Made beside its place and renamed, so that a start cut short never leaves half a cluster behind.
    fresh = data.with_name(data.name + ".new")
    shutil.rmtree(fresh, ignore_errors=True)
    arguments = ["-D", str(fresh), "-U", DATABASE, "-E", "UTF8", "--no-locale", "--data-checksums"]
    _run(programs / "initdb", *arguments, "--auth-local=peer", "--auth-host=reject")
    _run(
        programs / "postgres", "--single", "-D", str(fresh), "postgres", input=f"CREATE DATABASE {DATABASE}\n"
    )
    fresh.rename(data)


def _check_version(data: Path, programs: Path) -> None:
    said = subprocess.run(
        [str(programs / "postgres"), "--version"], capture_output=True, text=True, check=True
    )
    ours = said.stdout.split()[2].split(".")[0]
    theirs = (data / "PG_VERSION").read_text().strip()
    if ours != theirs:
        raise ConfigError(
            "TRIAGE_HOME",
            f"{data} was made by PostgreSQL {theirs}, this is {ours}",
            "Dump and restore it with the old version, or use another TRIAGE_HOME.",
        )


def _write_access(data: Path) -> None:
    # Written at every start: the account may have been renamed since.
    account = pwd.getpwuid(os.geteuid()).pw_name
    (data / "pg_hba.conf").write_text("local all all peer map=triage\n")
    (data / "pg_ident.conf").write_text(f'triage "{account}" {DATABASE}\ntriage root {DATABASE}\n')
