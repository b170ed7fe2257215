"""The `triage` command as a person runs it: a process of its own, with the settings of one site."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

SECONDS = 60


@dataclass(frozen=True)
class Triage:
    """Call it with the words of a command; `before` are words that every command begins with."""

    environment: Mapping[str, str]
    before: tuple[str, ...] = ()

    def __call__(self, *words: str, typed: str = "") -> subprocess.CompletedProcess[str]:
        """Run a command; `typed` is what it reads from standard input."""
        command = [sys.executable, "-P", "-m", "triage", *self.before, *words]
        return subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            env=self.environment,
            input=typed,
        )

    def under(self, *words: str, **settings: str) -> Triage:
        """Return the same with words before every command's, and more settings."""
        return Triage({**self.environment, **settings}, (*self.before, *words))


def items(done: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    """Return what `--json` wrote."""
    assert done.stdout, done.stderr
    envelope = json.loads(done.stdout)
    assert envelope["apiVersion"] == "spine-triage/v1"
    return list(envelope["items"])
