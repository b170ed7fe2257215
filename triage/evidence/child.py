"""The pipe to the SCU child process: JSON lines under a deadline, and SIGKILL.

Refuses to wait past the deadline, and to say anything but JSON: nothing here can be made to run code.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

# -P: the working folder must not be able to shadow a module. -W: pydicom's warnings quote element values.
COMMAND = (sys.executable, "-P", "-W", "ignore", "-m", "triage.evidence.scu")
TICK_S = 1.0


class ChildDied(Exception):
    """The child ended without an answer."""


class ScuChild:
    """One child process; dies with `kill`, or by itself when this process ends (its input closes)."""

    def __init__(self, command: Sequence[str] | None = None) -> None:
        # A session of its own: Ctrl-C at the terminal shall not cut an association in half.
        self._process = subprocess.Popen(
            list(command or COMMAND),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        assert self._process.stdin is not None and self._process.stdout is not None
        self._input = self._process.stdin
        self._output = self._process.stdout.fileno()
        self._buffer = b""

    def write(self, line: str) -> None:
        """Hand one request to the child."""
        try:
            self._input.write(line.encode() + b"\n")
            self._input.flush()
        except OSError as gone:
            raise ChildDied from gone

    def read(self, deadline: float, on_wait: Callable[[], None]) -> dict[str, Any]:
        """Return the next event; raises TimeoutError at the monotonic `deadline`, ChildDied at the end."""
        while b"\n" not in self._buffer:
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                raise TimeoutError
            ready, _, _ = select.select([self._output], [], [], min(remaining, TICK_S))
            if not ready:
                on_wait()
                continue
            chunk = os.read(self._output, 65536)
            if not chunk:
                raise ChildDied
            self._buffer += chunk
        line, self._buffer = self._buffer.split(b"\n", 1)
        event: dict[str, Any] = json.loads(line)
        return event

    def kill(self) -> None:
        """End the child now and reap it."""
        self._process.kill()
        self._process.wait()
        self._input.close()
        if self._process.stdout is not None:
            self._process.stdout.close()
