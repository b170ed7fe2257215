"""Prepares and describes the embedded Valkey: the queue's doorbell, never the queue's memory.

Promises: no TCP port, one unix socket in a 0700 folder, append-only file, no eviction.
"""

from __future__ import annotations

import signal
import socket
from pathlib import Path

from triage.embedded.places import VALKEY_SOCKET, Places
from triage.embedded.programs import valkey_program
from triage.embedded.service import Service, alive


def prepare(places: Places, program: Path | None = None) -> Service:
    """Return the service; starts nothing."""
    places.make()
    places.valkey.mkdir(mode=0o700, exist_ok=True)
    configuration = {
        "port": "0",
        "unixsocket": str(places.run / VALKEY_SOCKET),
        "unixsocketperm": "700",
        "dir": str(places.valkey),
        "pidfile": str(places.run / "valkey.pid"),
        "daemonize": "no",
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": "",
        "maxmemory-policy": "noeviction",
    }
    argv = [str(program or valkey_program())]
    for key, value in configuration.items():
        argv += [f"--{key}", value]
    return Service(
        name="valkey",
        argv=tuple(argv),
        folder=places.valkey,
        ready=lambda: answers(places),
        running=lambda: running(places),
        stop_signal=signal.SIGTERM,
    )


def answers(places: Places) -> bool:
    """Return whether it answers PING now."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(2)
        try:
            connection.connect(str(places.run / VALKEY_SOCKET))
            connection.sendall(b"PING\r\n")
            return connection.recv(64).startswith(b"+PONG")
        except OSError:
            return False


def running(places: Places) -> int | None:
    """Return the pid of a server that already answers on our socket."""
    if not answers(places):
        return None
    try:
        pid = int((places.run / "valkey.pid").read_text())
    except (OSError, ValueError):
        return None
    return pid if alive(pid) else None
