"""One program of the tree as a value: how to start it, what it waits for, when it counts as ready, how to stop it."""

from __future__ import annotations

import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

CONFIG_INVALID = 9


def always_ready() -> bool:
    """Count a program as ready as soon as it runs."""
    return True


def nobody() -> int | None:
    """Say that no such program runs already."""
    return None


@dataclass(frozen=True)
class Program:
    """A program of the tree. `stop_rank`: lower ranks are told to stop first."""

    name: str
    argv: tuple[str, ...]
    folder: Path
    after: tuple[str, ...] = ()
    ready: Callable[[], bool] = always_ready
    running: Callable[[], int | None] = nobody
    environment: Mapping[str, str] = field(default_factory=dict)
    stop_signal: signal.Signals = signal.SIGTERM
    stop_rank: int = 0
    grace_seconds: float = 15.0
    ready_seconds: float = 120.0
    runs_once: bool = False
    ends_the_tree: bool = False
    speaks_to_the_person: bool = False
    # What it says holds a secret: it is shown and never kept in a file.
    tells_secrets: bool = False
    announcement: str = ""
    pass_fds: tuple[int, ...] = ()


@dataclass(frozen=True)
class Backoff:
    """Seconds before the next start: doubling, forgotten after a good while alive."""

    first: float = 0.5
    most: float = 30.0
    forgotten_after: float = 30.0

    def seconds(self, failures: int) -> float:
        """Return the pause after so many failures in a row."""
        return float(min(self.most, self.first * 2 ** max(0, failures - 1)))
