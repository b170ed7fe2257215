"""A running program: its process, its output, and whether it is due to start again.

Promises that the process dies with the supervisor (PR_SET_PDEATHSIG) and that what it leaves in its own
session is killed after it.
"""

from __future__ import annotations

import contextlib
import ctypes
import enum
import os
import signal
import subprocess
import time
from collections.abc import Callable

from triage.embedded.service import alive
from triage.supervisor.program import Backoff, Program

PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True)


class State(enum.Enum):
    """Where a program of the tree stands."""

    WAITING = "waiting"
    STARTING = "starting"
    READY = "ready"
    PAUSED = "paused"
    DONE = "done"


def tie_to_parent(stop_signal: signal.Signals) -> Callable[[], None]:
    """Return what the new process runs before exec: it is told to stop when the supervisor dies."""
    supervisor = os.getpid()

    def tie() -> None:
        _LIBC.prctl(PR_SET_PDEATHSIG, int(stop_signal), 0, 0, 0)
        if os.getppid() != supervisor:  # it died between fork and prctl
            os._exit(1)

    return tie


class Child:
    """One program's life in the tree."""

    def __init__(self, program: Program, backoff: Backoff) -> None:
        self.program = program
        self.state = State.WAITING
        self.process: subprocess.Popen[bytes] | None = None
        self.adopted: int | None = None
        self.failures = 0
        self.was_ready = False
        self.first_started_at: float | None = None
        self.started_at = 0.0
        self.resume_at = 0.0
        self.exit_code: int | None = None
        self._backoff = backoff

    @property
    def pid(self) -> int | None:
        """Return the pid while it lives."""
        if self.adopted is not None:
            return self.adopted
        return self.process.pid if self.process is not None else None

    def start(self) -> None:
        """Start the program, or adopt the one that runs already."""
        self.started_at = time.monotonic()
        self.first_started_at = self.first_started_at or self.started_at
        self.state = State.STARTING
        self.adopted = self.program.running()
        if self.adopted is None:
            self.process = subprocess.Popen(
                self.program.argv,
                cwd=self.program.folder,
                env={**os.environ, **self.program.environment},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                # Its own session: Ctrl-C reaches the supervisor alone, which then stops the tree in order.
                start_new_session=True,
                # Safe here: the supervisor has one thread, and the function calls nothing but libc.
                preexec_fn=tie_to_parent(self.program.stop_signal),  # noqa: PLW1509
                pass_fds=self.program.pass_fds,
            )

    def late(self, now: float) -> bool:
        """Return whether it has never been ready although its time for that is over."""
        if self.was_ready or self.first_started_at is None or self.program.runs_once:
            return False
        return now - self.first_started_at > self.program.ready_seconds

    def ended(self) -> bool:
        """Notice the end of the process; True exactly once per end."""
        if self.adopted is not None:
            if alive(self.adopted):
                return False
            self.adopted, self.exit_code = None, -1
            return True
        if self.process is None or (code := self.process.poll()) is None:
            return False
        # Whatever it left behind in its session ends with it.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process, self.exit_code = None, code
        return True

    def pause(self) -> float:
        """Plan the next start; return the seconds until then."""
        now = time.monotonic()
        if now - self.started_at > self._backoff.forgotten_after:
            self.failures = 0
        self.failures += 1
        seconds = self._backoff.seconds(self.failures)
        self.resume_at = now + seconds
        self.state = State.PAUSED
        return seconds

    def tell(self, number: signal.Signals) -> None:
        """Send a signal to the process itself."""
        if self.pid is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(self.pid, number)

    def kill(self) -> None:
        """Kill the process and its session."""
        self.tell(signal.SIGKILL)
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, signal.SIGKILL)
