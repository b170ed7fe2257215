"""The parent's end of the warm child: start it, ask it, kill it by the wall clock, start another.

Promise: every question ends within its deadline, with a reply or with the child gone; no answer of a child
that was given up is ever read. Imports neither TensorFlow nor a decoder.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from triage.domain.errors import TriageError
from workers.child import wire

# -P: the folder we happen to stand in must not shadow the installed product.
COMMAND = (sys.executable, "-P", "-m", "workers.child")
# Nothing of the product's settings, and so no secret, is in the child's environment.
KEPT_VARIABLES = (
    "PATH",
    "HOME",
    "LANG",
    "LC_ALL",
    "TZ",
    "PYTHONPATH",
    "PYTHONPYCACHEPREFIX",
    "TMPDIR",
    "LD_LIBRARY_PATH",
)
WARM_SECONDS = 300.0
RESIDENT_LIMIT_BYTES = 4 * 1024**3
TICK_SECONDS = 1.0


class ChildDied(TriageError):
    """The child ended without an answer: a crash, the kernel's out-of-memory killer, or a limit."""


class ChildHung(TriageError):
    """The wall clock ran out; the child was killed."""


class ModelsRejected(TriageError):
    """The bundles are not the pinned ones: no child can serve until a person mends it."""


@dataclass(frozen=True, slots=True)
class Orders:
    """How to run a child: its command, its environment, its first message, its deadlines in seconds."""

    configuration: wire.Configuration
    environment: Mapping[str, str]
    command: Sequence[str] = COMMAND
    warm_seconds: float = WARM_SECONDS
    resident_limit_bytes: int = RESIDENT_LIMIT_BYTES


class WarmChild:
    """One child at a time, started when needed."""

    def __init__(self, orders: Orders) -> None:
        self._orders = orders
        self._process: subprocess.Popen[bytes] | None = None
        self._channel: socket.socket | None = None
        self.starts = 0

    @property
    def pid(self) -> int | None:
        """Return the child's process id while it runs."""
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    def follow(self, orders: Orders) -> bool:
        """Serve by other orders from the next study on; return whether they differ from those in force."""
        if orders == self._orders:
            return False
        self.kill()
        self._orders = orders
        return True

    def start(self, tick: Callable[[], None] | None = None) -> None:
        """Make sure that a warm child is there; raises ChildDied, ChildHung or ModelsRejected."""
        if self.pid is not None and not self._swollen():
            return
        self.kill()
        self._spawn()
        answer = self._exchange(
            {"configure": self._orders.configuration.to_json()}, self._orders.warm_seconds, tick
        )
        if "rejected" in answer:
            self.kill()
            raise ModelsRejected("models", str(answer["rejected"]))

    def ask(
        self,
        message: wire.Message,
        seconds: float,
        tick: Callable[[], None] | None = None,
        notice: Callable[[wire.Message], None] | None = None,
    ) -> wire.Message:
        """Return the child's reply; `tick` is called every second and may raise to give the study up.

        `notice` is handed what the child says before its reply; it must not wait longer than the study may.
        """
        self.start(tick)
        return self._exchange(message, seconds, tick, notice)

    def kill(self) -> None:
        """End the child now, whatever it does, and forget its channel."""
        if self._channel is not None:
            self._channel.close()
            self._channel = None
        if self._process is not None:
            if self._process.poll() is None:
                # Its own session, so a decoder's helper processes go with it.
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None

    def _spawn(self) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [*self._orders.command, str(theirs.fileno())],
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                stdout=2,
                env=dict(self._orders.environment),
                start_new_session=True,
            )
        self._channel = ours
        self.starts += 1

    def _exchange(
        self,
        message: wire.Message,
        seconds: float,
        tick: Callable[[], None] | None,
        notice: Callable[[wire.Message], None] | None = None,
    ) -> wire.Message:
        if self._channel is None:
            raise ChildDied("child-died", "the analysis process is not running")
        deadline = time.monotonic() + seconds
        try:
            wire.send(self._channel, message, deadline)
            answer = wire.receive(self._channel, deadline, tick, TICK_SECONDS)
            while wire.NOTICE in answer:
                if notice is not None:
                    notice(answer[wire.NOTICE])
                answer = wire.receive(self._channel, deadline, tick, TICK_SECONDS)
            return answer
        except wire.Closed as error:
            raise ChildDied("child-died", f"the analysis process {self._end()}") from error
        except wire.Late as error:
            self.kill()
            raise ChildHung("time-out", f"no answer within {seconds:g} seconds") from error
        except BaseException:
            # A tick gave the study up: a late answer must never be taken for the next study's.
            self.kill()
            raise

    def _end(self) -> str:
        process = self._process
        if process is None:
            return "is gone"
        try:
            code = process.wait(5)
        except subprocess.TimeoutExpired:
            code = None
        self.kill()
        if code is None:
            return "closed its channel"
        return f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"

    def _swollen(self) -> bool:
        """Tell whether it holds more memory than a warm child should: leaks cost a restart, not a crash."""
        try:
            resident = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        except (OSError, IndexError, ValueError):
            return False
        return resident * os.sysconf("SC_PAGESIZE") > self._orders.resident_limit_bytes


def child_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the few variables that a child inherits."""
    return {name: environ[name] for name in KEPT_VARIABLES if name in environ}
