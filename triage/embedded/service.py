"""What the supervisor needs to know of a service: how to start it, find it again, ask it and stop it."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Service:
    """A server program on this machine, described but not started."""

    name: str
    argv: tuple[str, ...]
    folder: Path
    ready: Callable[[], bool]
    running: Callable[[], int | None]
    stop_signal: signal.Signals
    environment: Mapping[str, str] = field(default_factory=dict)


def alive(pid: int) -> bool:
    """Return whether the process exists and is not a zombie."""
    try:
        os.kill(pid, 0)
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (ProcessLookupError, FileNotFoundError):
        return False
    except PermissionError:
        return True
    return state != "Z"


def wait_until(question: Callable[[], bool], seconds: float, pause: float = 0.05) -> bool:
    """Ask until the answer is yes or the time is over; return the last answer."""
    deadline = time.monotonic() + seconds
    while not question():
        if time.monotonic() > deadline:
            return False
        time.sleep(pause)
    return True
