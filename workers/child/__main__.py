"""The child's process: `python -m workers.child CHANNEL`, CHANNEL being an inherited socket's number.

Promise: reads one configuration, loads and proves the pinned bundles, sets its own limits, answers ready,
then one reply per request until the parent closes. Nothing goes to stdout; it dies with its parent.
Refuses to serve a bundle that is not the pinned one.
"""

from __future__ import annotations

import ctypes
import logging
import os
import resource
import signal
import socket
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from triage.domain.errors import Unavailable, Unprocessable
from triage.domain.finding import Outcome, Triage
from workers.child import wire

PR_SET_PDEATHSIG = 1


@dataclass(frozen=True, slots=True)
class Limits:
    """Kernel limits; address space is counted from what the warm networks already hold."""

    memory_bytes: int

    def apply(self) -> None:
        """Set them for the rest of the process's life."""
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        # TensorFlow reserves far more address space than it uses, so the limit is what a study may add.
        most = _address_space() + self.memory_bytes
        resource.setrlimit(resource.RLIMIT_AS, (most, most))


def _address_space() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    return pages * resource.getpagesize()


def die_with_parent() -> None:
    """Ask the kernel for SIGKILL when the parent ends, so that no orphan computes on."""
    parent = os.getppid()
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent or parent == 1:
        sys.exit("the parent is gone")


def keep_stdout_quiet() -> None:
    """Send whatever a library prints to stderr; pydicom, whose messages quote the data set, says nothing."""
    os.dup2(2, 1)
    for library in ("pydicom", "highdicom"):
        logging.getLogger(library).setLevel(logging.CRITICAL + 1)


def open_analyst(configuration: wire.Configuration) -> Any:
    """Return the analyst on warm networks; imports TensorFlow. Raises BundleRejected."""
    from triage.spool import Spool
    from workers import report
    from workers.child.known import Networks, buckets_of
    from workers.child.study import Analyst
    from workers.infer import BF16, FP32, Served, configure_runtime
    from workers.models import roles
    from workers.models.bundle import served

    configure_runtime(configuration.threads)
    bundles = served(Path(configuration.models_root), configuration.placed)
    for bundle in bundles.values():
        roles.check(bundle)
    reduced = set(configuration.bf16)
    served_by_name = {
        name: Served(bundle, buckets_of(name), numerics=BF16 if name in reduced else FP32)
        for name, bundle in bundles.items()
    }
    networks = Networks.of(served_by_name)
    return Analyst(networks, Spool(Path(configuration.spool_root)), report.Mode(configuration.mode))


def answer(
    analyst: Any, message: wire.Message, notice: Callable[[Triage], None] | None = None
) -> wire.Message:
    """Return the reply to one request; what the data cannot give is told apart from what we cannot.

    `judge` asks for the outcome alone: a shadow leaves no evidence.
    """
    try:
        if "judge" in message:
            outcome: Outcome = analyst.judge(wire.StudyRequest.from_json(message["judge"]))
            return {"judged": outcome.to_json()}
        reply: wire.StudyReply = analyst.analyse(wire.StudyRequest.from_json(message["analyse"]), notice)
    except Unprocessable as why:
        return {"unprocessable": {"reason": why.reason, "sentence": why.sentence}}
    except Unavailable as why:
        return {"unavailable": {"reason": why.reason, "sentence": why.sentence}}
    return {"reply": reply.to_json()}


def serve(channel: socket.socket) -> None:
    """Configure, then answer until the parent closes the channel."""
    from workers.models.bundle import BundleRejected

    configuration = wire.Configuration(**wire.receive(channel)["configure"])
    os.nice(configuration.niceness)
    try:
        analyst = open_analyst(configuration)
    except BundleRejected as why:
        wire.send(channel, {"rejected": str(why)})
        return
    Limits(configuration.memory_bytes).apply()
    wire.send(channel, {"ready": {"pid": os.getpid()}})
    while True:
        message = wire.receive(channel)
        try:
            reply = answer(analyst, message, lambda said: wire.send(channel, {wire.NOTICE: asdict(said)}))
        except Exception as bug:  # noqa: BLE001  # service loop: it outlives a bug in one study
            # The class is told; its text may quote patient data.
            reply = {"failed": {"error": type(bug).__name__, "where": _where(bug)}}
        wire.send(channel, reply)


def _where(bug: BaseException) -> str:
    trace = bug.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return "" if trace is None else f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}"


def main() -> None:
    """Run the child on the socket whose number is the only argument."""
    # The parent decides when a study is given up; a terminal's Ctrl-C reaches the whole group.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    die_with_parent()
    keep_stdout_quiet()
    channel = socket.socket(fileno=int(sys.argv[1]))
    try:
        serve(channel)
    except wire.Closed:
        return


if __name__ == "__main__":
    main()
