"""Starts the tree for one home: folders, the lock, free ports, then the loop until it is told to stop."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence

from triage.config import Settings
from triage.embedded.places import Places
from triage.supervisor.claim import check_port, claim_home
from triage.supervisor.plan import programs
from triage.supervisor.program import Program
from triage.supervisor.stream import Console
from triage.supervisor.tree import Tree

Extra = Callable[[Settings], Sequence[Program]]


def supervise(settings: Settings, extra: Extra, *, logs: bool) -> int:
    """Run everything in the foreground; return the exit code."""
    os.umask(0o077)
    places = Places(settings.home)
    places.make()
    lock = claim_home(places.run)
    try:
        check_port("dicom.port", settings.dicom.host, settings.dicom.port)
        check_port("web.port", settings.web.host, settings.web.port)
        console = Console(logs=logs)
        console.say(f"State       {settings.home} (logs in {places.logs})")
        return Tree([*programs(settings), *extra(settings)], places.logs, console).run()
    finally:
        os.close(lock)
