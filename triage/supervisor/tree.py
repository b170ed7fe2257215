"""The supervisor's loop: start what may start, read what was said, notice what ended, stop in order.

Promises: one thread, no busy waiting; a program starts when all it waits for are ready; a program that ends
is started again with back-off, unless it ends with "config invalid", which no restart can mend.
"""

from __future__ import annotations

import os
import selectors
import signal
import socket
import time
from collections.abc import Iterable
from pathlib import Path
from types import FrameType

from triage.supervisor.child import Child, State
from triage.supervisor.program import CONFIG_INVALID, Backoff, Program
from triage.supervisor.stream import Console, Lines, LogFile

TICK_SECONDS = 0.1
QUIET_TICK_SECONDS = 1.0
INTERRUPTED = 130


class Tree:
    """Every program of one product, from start to stop."""

    def __init__(
        self, programs: Iterable[Program], logs: Path, console: Console, backoff: Backoff | None = None
    ) -> None:
        self.children = {p.name: Child(p, backoff or Backoff()) for p in programs}
        self._console = console
        self._logs = logs
        self._files = {name: LogFile(logs / f"{name}.log") for name in self.children}
        self._selector = selectors.DefaultSelector()
        self._wake, self._woken = socket.socketpair()
        self._exit_code: int | None = None
        self._asked = 0

    def run(self) -> int:
        """Run the tree until a signal or an ending program asks to stop; return the exit code."""
        self._listen()
        while self._exit_code is None:
            self._start_what_may()
            self._read(self._pause())
            self._notice_ends()
        self._stop()
        return self._exit_code

    def _listen(self) -> None:
        self._wake.setblocking(False)
        self._woken.setblocking(False)
        signal.set_wakeup_fd(self._wake.fileno(), warn_on_full_buffer=False)
        self._selector.register(self._woken, selectors.EVENT_READ)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._asked_to_stop)
        signal.signal(signal.SIGCHLD, lambda *_: None)

    def _asked_to_stop(self, number: int, _: FrameType | None) -> None:
        self._asked += 1
        if self._exit_code is None:
            self._exit_code = INTERRUPTED if number == signal.SIGINT else 0

    def _pause(self) -> float:
        settled = all(child.state in (State.READY, State.DONE) for child in self.children.values())
        return QUIET_TICK_SECONDS if settled else TICK_SECONDS

    def _start_what_may(self) -> None:
        now = time.monotonic()
        for child in self.children.values():
            waited = child.state is State.WAITING and self._all_ready(child.program.after)
            paused = child.state is State.PAUSED and now >= child.resume_at
            if waited or paused:
                self._start(child)
            elif child.state is State.STARTING and not child.program.runs_once:
                self._ask_ready(child, now)
        self._give_up_on_late(now)

    def _all_ready(self, names: Iterable[str]) -> bool:
        return all(self.children[name].state in (State.READY, State.DONE) for name in names)

    def _start(self, child: Child) -> None:
        child.start()
        if child.process is not None and child.process.stdout is not None:
            name = child.program.name
            file = None if child.program.tells_secrets else self._files[name]
            lines = Lines(name, file, self._console, plain=child.program.speaks_to_the_person)
            os.set_blocking(child.process.stdout.fileno(), False)
            self._selector.register(child.process.stdout, selectors.EVENT_READ, lines)

    def _ask_ready(self, child: Child, now: float) -> None:
        if not child.program.ready():
            return
        child.state = State.READY
        self._console.log(child.program.name, f"ready after {now - child.started_at:.1f} s")
        if child.program.announcement and not child.was_ready:
            self._console.say(child.program.announcement)
        child.was_ready = True

    def _give_up_on_late(self, now: float) -> None:
        for child in self.children.values():
            if child.late(now):
                name, seconds = child.program.name, child.program.ready_seconds
                self._console.say(
                    f"{name} did not get ready within {seconds:.0f} s; see {self._logs / name}.log"
                )
                self._exit_code = 1

    def _read(self, seconds: float) -> None:
        for key, _ in self._selector.select(seconds):
            if key.fileobj is self._woken:
                self._woken.recv(4096)
                continue
            try:
                piece = os.read(key.fd, 65_536)
            except BlockingIOError:
                continue
            key.data.feed(piece)
            if not piece:
                self._selector.unregister(key.fileobj)
                key.fileobj.close()  # type: ignore[union-attr]  # a pipe, never a bare descriptor

    def _notice_ends(self) -> None:
        for child in self.children.values():
            if not child.ended():
                continue
            code, program = child.exit_code, child.program
            if program.ends_the_tree or code == CONFIG_INVALID or (program.runs_once and code != 0):
                self._exit_code = code if code is not None and code >= 0 else 1
                child.state = State.DONE
            elif program.runs_once:
                child.state = State.DONE
            else:
                seconds = child.pause()
                self._console.say(
                    f"{program.name} ended ({_why(code)}); starting it again in {seconds:.1f} s"
                )

    def _stop(self) -> None:
        self._console.say("stopping: draining, then the database last ...")
        asked = self._asked
        for rank in sorted({child.program.stop_rank for child in self.children.values()}):
            living = [c for c in self.children.values() if c.program.stop_rank == rank and c.pid is not None]
            for child in living:
                child.tell(child.program.stop_signal)
            deadline = time.monotonic() + max((c.program.grace_seconds for c in living), default=0)
            while any(not c.ended() and c.pid is not None for c in living):
                if time.monotonic() > deadline or self._asked > max(1, asked):
                    self._kill(living)
                self._read(TICK_SECONDS)
        for _ in self.children:
            self._read(0)
        for file in self._files.values():
            file.close()
        signal.set_wakeup_fd(-1)
        self._console.say("stopped; nothing is left running")

    def _kill(self, children: Iterable[Child]) -> None:
        for child in children:
            if child.pid is not None:
                self._console.say(f"{child.program.name} did not stop in time; killed")
                child.kill()


def _why(code: int | None) -> str:
    if code is None or code >= 0:
        return f"exit code {code}"
    return f"signal {signal.Signals(-code).name}" if -code in set(signal.Signals) else f"signal {-code}"
