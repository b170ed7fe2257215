"""Receivers under test: one in this process, one as the real process that can be killed and measured."""

from __future__ import annotations

import os
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

import psutil

from tests.integration.arrival.objects import encoded, radiograph
from tests.integration.arrival.raw import RawPeer
from triage.arrival.part10 import read_meta
from triage.arrival.policy import CallingPeer, ReceiverPolicy
from triage.arrival.scp import Acceptor, listen
from triage.spool import Spool

QUICK: dict[str, Any] = {
    "port": 0,
    "peers": (
        CallingPeer("MODALITY"),
        CallingPeer("HONEST"),
        CallingPeer("STORESCU"),
        CallingPeer("ECHOSCU"),
    ),
    "low_water_bytes": 0,
    "pdu_timeout_s": 1.0,
    "idle_timeout_s": 2.0,
    "association_request_timeout_s": 1.0,
    "close_timeout_s": 0.5,
    "drain_s": 3.0,
}


class Receiver:
    """A receiver on threads of this process."""

    def __init__(self, root: Path, spool: Spool | None = None, **changes: Any) -> None:
        self.policy = ReceiverPolicy(**{**QUICK, **changes})
        self.spool = spool or Spool(root)
        self._listener = listen(self.policy)
        self.port = int(self._listener.getsockname()[1])
        self.acceptor = Acceptor(self.policy, self.spool, self._listener)
        self.stop = threading.Event()
        self._thread = threading.Thread(target=self.acceptor.serve, args=(self.stop,))

    def __enter__(self) -> Receiver:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Drain and end."""
        self.stop.set()
        self._thread.join(30)
        assert not self._thread.is_alive()

    def stored(self) -> dict[str, bytes]:
        """Return what is durable: SOP Instance UID -> data set bytes."""
        return stored(self.spool)


def stored(spool: Spool) -> dict[str, bytes]:
    """Return the data sets in incoming/, by the SOP Instance UID of their file meta."""
    found = {}
    for path in spool.incoming():
        meta, offset = read_meta(path)
        found[meta.sop_instance_uid] = path.read_bytes()[offset:]
    return found


def serve_honest(port: int) -> float:
    """Open, store one object, release; return the seconds it took."""
    image = radiograph()
    began = time.monotonic()
    with RawPeer(port) as peer:
        peer.associate()
        assert peer.store(str(image.SOPInstanceUID), encoded(image)) == 0
        assert peer.release() == 6
    return time.monotonic() - began


def wait_until(condition: Callable[[], bool], seconds: float, what: str) -> None:
    """Wait for a condition, or fail saying what did not happen."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.02)


def free_port() -> int:
    """Return a loopback port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class ReceiverProcess:
    """`triage run receiver` as a process of its own."""

    def __init__(self, home: Path, port: int = 0, **settings: str) -> None:
        self.home = home
        self.port = port or free_port()
        self.environment = {
            **os.environ,
            "TRIAGE_HOME": str(home),
            "TRIAGE_DICOM__PORT": str(self.port),
            "TRIAGE_DICOM__ACCEPT_UNKNOWN_PEERS": "true",
            "TRIAGE_SPOOL__LOW_WATER_BYTES": "0",
            **settings,
        }
        home.mkdir(exist_ok=True)
        self.log = home / "receiver.log"
        self._starts = 0
        self.start()

    def start(self) -> None:
        """Start it (again) and wait until it answers."""
        self._starts += 1
        with self.log.open("ab") as log:
            # It must not outlive a test run that was killed.
            command = ["setpriv", "--pdeathsig", "KILL", sys.executable, "-m", "triage", "run", "receiver"]
            self.process = subprocess.Popen(command, env=self.environment, stdout=log, stderr=log)
        wait_until(self._answers, 60, "the receiver listens")

    def _answers(self) -> bool:
        assert self.process.poll() is None, self.log.read_text()
        return self.log.read_text().count("listening") == self._starts

    @property
    def spool(self) -> Spool:
        """Its spool, seen from outside."""
        return Spool(self.home / "spool")

    def rss(self) -> int:
        """Return its resident memory in bytes."""
        return int(psutil.Process(self.process.pid).memory_info().rss)

    def limit(self, kind: int, value: int) -> None:
        """Take a resource away from it, or give it back."""
        resource.prlimit(self.process.pid, kind, (value, resource.prlimit(self.process.pid, kind)[1]))

    def kill(self) -> None:
        """Kill it as the kernel would."""
        self.process.kill()
        self.process.wait()

    def close(self) -> int:
        """Ask it to end; return its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)
