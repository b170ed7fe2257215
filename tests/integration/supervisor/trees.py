"""Small trees of real processes for the supervisor's tests."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from triage.supervisor.program import Program

PYTHON = (sys.executable, "-I", "-c")
# Writes its pid, says a line, then waits; on SIGTERM it notes the moment in `order` and ends in good order.
PATIENT = """
import os, signal, sys, time
name, folder = sys.argv[1:]
open(f"{folder}/{name}.pid", "a").write(f"{os.getpid()}\\n")
print(f"{name} speaks", flush=True)
def end(*_):
    with open(f"{folder}/order", "a") as order: order.write(f"{name}\\n")
    sys.exit(0)
signal.signal(signal.SIGTERM, end)
while True: time.sleep(0.05)
"""


def patient(name: str, folder: Path, **more: object) -> Program:
    """Return a program that runs until it is told to stop."""
    fields: dict[str, object] = {
        "name": name,
        "argv": (*PYTHON, PATIENT, name, str(folder)),
        "folder": folder,
    }
    return Program(**{**fields, **more})  # type: ignore[arg-type]  # fields of Program by name


def script(name: str, folder: Path, code: str, **more: object) -> Program:
    """Return a program that runs a piece of Python."""
    fields: dict[str, object] = {"name": name, "argv": (*PYTHON, code), "folder": folder}
    return Program(**{**fields, **more})  # type: ignore[arg-type]  # fields of Program by name


def pids(folder: Path, name: str) -> list[int]:
    """Return every pid the program ever had."""
    path = folder / f"{name}.pid"
    return [int(line) for line in path.read_text().split()] if path.exists() else []


class Supervised:
    """A supervisor in its own process, as a person starts it."""

    def __init__(self, folder: Path, module: str, function: str) -> None:
        code = (
            "import sys, pathlib\n"
            f"from {module} import {function} as programs\n"
            "from triage.supervisor.program import Backoff\n"
            "from triage.supervisor.stream import Console\n"
            "from triage.supervisor.tree import Tree\n"
            "folder = pathlib.Path(sys.argv[1])\n"
            "tree = Tree(programs(folder), folder, Console(), Backoff(0.05, 0.4, 30))\n"
            "sys.exit(tree.run())\n"
        )
        root = Path(__file__).parents[3]
        self.process = subprocess.Popen(
            [sys.executable, "-c", code, str(folder)],
            cwd=root,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "PYTHONPATH": str(root)},
            start_new_session=True,
        )

    def stop(self, number: signal.Signals = signal.SIGTERM) -> tuple[int, str]:
        """Send a signal, wait, and return the exit code and all that was said."""
        self.process.send_signal(number)
        said, _ = self.process.communicate(timeout=60)
        return self.process.returncode, said
