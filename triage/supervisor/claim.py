"""One supervisor per TRIAGE_HOME, and free ports, checked before anything starts."""

from __future__ import annotations

import fcntl
import os
import socket
from pathlib import Path

from triage.domain.errors import ConfigError, Conflict


def claim_home(run: Path) -> int:
    """Lock the home for this process and return the descriptor that holds the lock."""
    descriptor = os.open(run / "supervisor.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.read(descriptor, 32).decode().strip() or "unknown"
        os.close(descriptor)
        raise Conflict(
            "already_running",
            f"already running here as pid {holder} ({run.parent}). "
            "Stop that one with Ctrl-C, or set TRIAGE_HOME to another folder.",
        ) from None
    os.ftruncate(descriptor, 0)
    os.write(descriptor, f"{os.getpid()}\n".encode())
    return descriptor


def port_is_free(host: str, port: int) -> bool:
    """Return whether we may listen there."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        # A listener that just ended leaves TIME_WAIT sockets behind; those do not hinder us.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def check_port(key: str, host: str, port: int) -> None:
    """Raise ConfigError when somebody else listens there."""
    if port_is_free(host, port):
        return
    variable = "TRIAGE_" + key.upper().replace(".", "__")
    free = next((p for p in range(port + 1, min(port + 100, 65_535)) if port_is_free(host, p)), None)
    holder = _listener(port)
    raise ConfigError(
        key,
        f"port {port} on {host} cannot be used{f' (taken by {holder})' if holder else ''}",
        f"Stop that program, or start with {variable}={free or 'PORT'}.",
    )


def answers(host: str, port: int) -> bool:
    """Return whether something accepts a connection there."""
    try:
        socket.create_connection((host, port), timeout=1).close()
    except OSError:
        return False
    return True


def _listener(port: int) -> str:
    """Return "pid N (name)" of a listener on the port where /proc lets us see it."""
    inodes = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            rows = [line.split() for line in Path(table).read_text().splitlines()[1:]]
        except OSError:
            continue
        inodes |= {row[9] for row in rows if row[3] == "0A" and int(row[1].rpartition(":")[2], 16) == port}
    wanted = {f"socket:[{inode}]" for inode in inodes}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if any(os.readlink(link) in wanted for link in (folder / "fd").iterdir()):
                return f"pid {folder.name} ({(folder / 'comm').read_text().strip()})"
        except OSError:
            continue
    return ""
