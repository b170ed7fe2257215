"""Where the embedded services keep their data and sockets, and the addresses that follow from it.

Addresses are computed, never discovered, so that a second terminal finds a running product by TRIAGE_HOME
alone. Promises a socket path that fits sun_path (108 bytes, the last one NUL).
"""

from __future__ import annotations

import hashlib
import os
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from pydantic import SecretStr

from triage.config import Settings
from triage.domain.errors import ConfigError

SOCKET_PATH_BYTES = 107
POSTGRES_SOCKET = ".s.PGSQL.5432"
VALKEY_SOCKET = "valkey.sock"
DATABASE = "triage"


@dataclass(frozen=True)
class Places:
    """The folders of one TRIAGE_HOME."""

    home: Path

    @property
    def postgres(self) -> Path:
        """Return PostgreSQL's data folder."""
        return self.home / "postgres"

    @property
    def valkey(self) -> Path:
        """Return Valkey's data folder."""
        return self.home / "valkey"

    @property
    def logs(self) -> Path:
        """Return the folder of log files."""
        return self.home / "logs"

    @property
    def run(self) -> Path:
        """Return the folder of sockets and locks: inside the home, or a short one when that is too long."""
        inside = self.home / "run"
        if len(os.fsencode(inside / POSTGRES_SOCKET)) + len(".lock") <= SOCKET_PATH_BYTES:
            return inside
        owner = self.home.stat().st_uid if self.home.exists() else os.geteuid()
        mark = hashlib.sha256(os.fsencode(self.home)).hexdigest()[:12]
        return Path(tempfile.gettempdir()) / f"spine-triage-{owner}-{mark}"

    @property
    def database_url(self) -> str:
        """Return the URL of the embedded PostgreSQL."""
        return f"postgresql+psycopg2://{DATABASE}@/{DATABASE}?host={quote(str(self.run), safe='')}"

    @property
    def redis_url(self) -> str:
        """Return the URL of the embedded Valkey."""
        return f"unix://{quote(str(self.run / VALKEY_SOCKET))}"

    def make(self) -> None:
        """Make the private folders; refuses a run folder that somebody else owns."""
        self.home.mkdir(parents=True, exist_ok=True)
        for folder in (self.logs, self.run):
            folder.mkdir(mode=0o700, exist_ok=True)
        found = self.run.lstat()
        # /tmp is shared: a planted folder or link there would hand our sockets to its owner.
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
            raise ConfigError(
                "TRIAGE_HOME", f"{self.run} belongs to somebody else", "Set TRIAGE_HOME to a shorter path."
            )
        self.run.chmod(0o700)


def with_addresses(settings: Settings) -> Settings:
    """Return the settings with the embedded services' addresses where no other is set."""
    places = Places(settings.home)
    changes = {}
    if not settings.database.url.get_secret_value():
        changes["database"] = settings.database.model_copy(update={"url": SecretStr(places.database_url)})
    if not settings.redis.url.get_secret_value():
        changes["redis"] = settings.redis.model_copy(update={"url": SecretStr(places.redis_url)})
    return settings.model_copy(update=changes)
