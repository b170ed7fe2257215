"""The whole product as its users meet it: `triage up` on its own home, driven by its own command line.

Nothing here reaches into the product: rows are read by `triage … --json`, pids come from the operating system.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import psutil

AE_TITLE = "TRIAGE"
TRIAGE = [sys.executable, "-P", "-m", "triage"]
# What each process of the tree looks like in the process table.
MARKS = {
    "receiver": "run receiver",
    "registrar": "run registrar",
    "closer": "run closer",
    "outbox": "run outbox",
    "web": "run web",
    "worker": "-m workers",
    "child": "workers.child",
    "postgres": "/postgres -D",
    "valkey": "valkey-server",
}


def free_port() -> int:
    """Return a port nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(question: Callable[[], Any], seconds: float, what: str, pause: float = 0.5) -> Any:
    """Return the first true answer; fail naming `what` when there is none in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        answer = question()
        if answer:
            return answer
        time.sleep(pause)
    raise AssertionError(f"after {seconds:g} s: {what}")


def _runs(process: psutil.Process) -> bool:
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


class Product:
    """One running product and its demonstration PACS."""

    def __init__(self, **more: str) -> None:
        self.home = Path(tempfile.mkdtemp(prefix="tri-"))
        self.home.chmod(0o755)
        self.port, self.pacs_port, self.web_port = free_port(), free_port(), free_port()
        self.environment = self._environment(more)
        self.tree: subprocess.Popen[bytes] | None = None
        self.pacs: subprocess.Popen[bytes] | None = None

    def _environment(self, more: Mapping[str, str]) -> dict[str, str]:
        destination = f'{{name="DEMO-PACS", ae_title="DEMO-PACS", host="127.0.0.1", port={self.pacs_port}}}'
        ours = {
            "TRIAGE_HOME": str(self.home),
            "TRIAGE_DICOM__PORT": str(self.port),
            "TRIAGE_DICOM__ACCEPT_UNKNOWN_PEERS": "true",
            "TRIAGE_WEB__PORT": str(self.web_port),
            "TRIAGE_CLOSING__QUIET_SECONDS": "{CR = 2.0, DX = 2.0}",
            "TRIAGE_CLOSING__DEFAULT_QUIET_SECONDS": "2",
            "TRIAGE_DISPATCH__LEASE_SECONDS": "10",
            "TRIAGE_DISPATCH__RING_SECONDS": "3",
            "TRIAGE_DISPATCH__STUDY_TIMEOUT_SECONDS": "60",
            "TRIAGE_PRODUCT__MODE": "assist",
            "TRIAGE_RESULTS__DESTINATIONS": f"[{destination}]",
            "TRIAGE_RESULTS__BACKOFF_FIRST_S": "1",
            "TRIAGE_SPOOL__LOW_WATER_BYTES": "1000000",
        }
        kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        return {**kept, **ours, **more}

    def start(self) -> None:
        """Start the tree and the PACS; return when the receiver, the page and the worker answer."""
        log = (self.home / "up.log").open("ab")
        self.tree = subprocess.Popen(
            [*TRIAGE, "up"], env=self.environment, cwd="/", stdout=log, stderr=log, start_new_session=True
        )
        wait_for(lambda: self.pid_of("receiver") and self.pid_of("child"), 150, "the tree did not come up")
        wait_for(lambda: self.ask("status", check=False) is not None, 60, "the product does not answer")
        if self.pacs is None:
            self.start_pacs()

    def start_pacs(self) -> None:
        """Start the demonstration PACS."""
        log = (self.home / "pacs.log").open("ab")
        self.pacs = subprocess.Popen(
            [*TRIAGE, "run", "demo-pacs"], env=self.environment, cwd="/", stdout=log, stderr=log
        )

    def stop(self) -> int:
        """Ask the tree to stop as Ctrl-C does; return its exit code."""
        assert self.tree is not None
        self.tree.send_signal(signal.SIGINT)
        return self.tree.wait(timeout=90)

    def remove(self) -> None:
        """Stop everything and delete the home."""
        if self.tree is not None and self.tree.poll() is None:
            self.stop()
        if self.pacs is not None:
            self.pacs.kill()
            self.pacs.wait()
        left = self.processes()
        for process in left:
            process.kill()
        shutil.rmtree(self.home, ignore_errors=True)
        assert not left, f"left behind: {[process.cmdline()[:6] for process in left]}"

    def processes(self) -> list[psutil.Process]:
        """Return every process that belongs to this home."""
        found: dict[int, psutil.Process] = {}
        for process in psutil.process_iter():
            try:
                ours = (
                    process.environ().get("TRIAGE_HOME") == str(self.home)
                    or str(self.home) in process.cmdline()
                )
                if ours and process.pid != os.getpid():
                    # The inference child has no settings in its environment: its parent knows it.
                    found |= {one.pid: one for one in (process, *process.children(recursive=True))}
            except (psutil.AccessDenied, psutil.NoSuchProcess):
                continue
        return [process for process in found.values() if _runs(process)]

    def pid_of(self, name: str) -> int | None:
        """Return the pid of one process of the tree, None while there is none."""
        for process in self.processes():
            try:
                if MARKS[name] in " ".join(process.cmdline()):
                    return process.pid
            except psutil.NoSuchProcess:
                continue
        return None

    def kill(self, name: str) -> int:
        """Kill one process as the kernel would; return the pid it had."""
        pid = wait_for(lambda: self.pid_of(name), 60, f"there is no {name} to kill", pause=0.1)
        os.kill(pid, signal.SIGKILL)
        return int(pid)

    def ask(self, *words: str, check: bool = True) -> Any:
        """Return what `triage WORDS --json` answers; None when it failed and `check` is off."""
        done = subprocess.run(
            [*TRIAGE, *words, "--json"],
            env=self.environment,
            cwd="/",
            capture_output=True,
            text=True,
            timeout=60,
        )
        if done.returncode != 0:
            assert not check, f"triage {' '.join(words)}: {done.stderr}"
            return None
        return json.loads(done.stdout)

    def rows(self, *words: str) -> list[dict[str, Any]]:
        """Return the rows of a listing; empty while the product cannot answer."""
        answer = self.ask(*words, "--limit", "1000", check=False)
        if answer is None:
            return []
        return list(answer["items"] if isinstance(answer, dict) else answer)

    def settled(self, studies: int) -> bool:
        """Return whether that many studies are all settled and every result delivered."""
        rows = self.rows("study", "list")
        if len(rows) < studies or any(row["state"] != "analysed" for row in rows):
            return False
        return not self.rows("evidence", "list", "--state", "pending")
