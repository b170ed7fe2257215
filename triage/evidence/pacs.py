"""The parent of the SCU child: C-ECHO and C-STORE to one PACS under a wall clock that kills.

Promise: every call returns within its wall clock, whatever the peer does, with what is known of each
file. Refuses nothing itself: verdicts come from `judgement.py`, the peer's own trouble comes as a fault.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from triage.config import Destination, Settings
from triage.domain.errors import Unavailable
from triage.evidence.child import ChildDied, ScuChild
from triage.evidence.judgement import SLOWEST_PEER_BYTES_PER_S, STORED, Verdict

MARGIN_S = 2.0
SENTENCES = {
    "unreachable": "nothing answers there; check host, port and firewall",
    "rejected-permanently": "it rejects our association; check both AE titles and its list of known peers",
    "rejected-for-now": "it rejects associations for now; try again later",
    "context-refused": "it does not accept this SOP class or transfer syntax",
    "no-answer": "it accepted the association but did not answer in time",
    "frozen": "it froze; the sender was stopped by the wall clock",
    "tls-files": "our TLS files cannot be read; check certificate, key and ca of this destination",
}


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """PEM files for one peer; `ca` None = the system's authorities."""

    certificate: str
    key: str
    ca: str | None


@dataclass(frozen=True, slots=True)
class RemoteAE:
    """A PACS as the SCU needs it. `timeout_s` bounds each wait: connect, associate, one response."""

    name: str
    ae_title: str
    host: str
    port: int
    calling_ae_title: str
    timeout_s: float
    tls: TlsFiles | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of one file: `index` in the request, verdict, reason code, DIMSE status if any."""

    index: int
    verdict: Verdict
    reason: str
    status: int | None


@dataclass(frozen=True, slots=True)
class SendReport:
    """All that is known after one send. Files without an answer were never tried."""

    answers: tuple[Answer, ...]
    fault: str | None

    @property
    def stored(self) -> int:
        """Return how many instances the peer holds now."""
        return sum(answer.verdict in STORED for answer in self.answers)

    @property
    def peer_failed(self) -> bool:
        """Return whether the peer itself is in trouble: no verdict that would hold tomorrow."""
        settled = [answer for answer in self.answers if answer.verdict is not Verdict.LATER]
        return self.fault is not None or bool(self.answers and not settled)


@dataclass(frozen=True, slots=True)
class EchoReport:
    """The reason code why a C-ECHO failed, or the milliseconds of its answer."""

    fault: str | None
    milliseconds: float | None


def remote_ae(destination: Destination, settings: Settings) -> RemoteAE:
    """Return the destination as the SCU needs it; our AE title unless the destination wants another."""
    tls = destination.tls
    files = TlsFiles(str(tls.certificate), str(tls.key), str(tls.ca) if tls.ca else None) if tls else None
    return RemoteAE(
        name=destination.name,
        ae_title=destination.ae_title,
        host=destination.host,
        port=destination.port,
        calling_ae_title=destination.calling_ae_title or settings.dicom.ae_title,
        timeout_s=settings.results.timeout_s,
        tls=files,
    )


def _nothing(_: Any = None) -> None:
    return None


@dataclass
class StorageSCU:
    """A warm SCU child, started on first use and again after each kill. For one thread."""

    command: Sequence[str] | None = None
    _child: ScuChild | None = field(default=None, init=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the child at once; an instance in flight is ambiguous and goes again."""
        child, self._child = self._child, None
        if child is not None:
            child.kill()

    def echo(self, peer: RemoteAE) -> EchoReport:
        """Ask one C-ECHO and time its answer."""
        milliseconds: list[float] = []

        def hear(event: Mapping[str, Any]) -> None:
            if event["event"] == "echoed":
                milliseconds.append(event["milliseconds"])

        fault = self._ask({"verb": "echo"}, peer, [], hear, _nothing)
        return EchoReport(fault, milliseconds[0] if milliseconds and fault is None else None)

    def send(
        self,
        peer: RemoteAE,
        files: Sequence[Path],
        on_answer: Callable[[Answer], None] = _nothing,
        on_wait: Callable[[], None] = _nothing,
    ) -> SendReport:
        """Send the files in order; `on_answer` hears of each at once, `on_wait` about once a second."""
        answers: dict[int, Answer] = {}
        in_flight: set[int] = set()

        def hear(event: Mapping[str, Any]) -> None:
            if event["event"] == "trying":
                in_flight.add(event["index"])
            if event["event"] == "answer":
                answer = Answer(
                    event["index"],
                    Verdict(event["verdict"]),
                    event["reason"],
                    event["status"],
                )
                answers[answer.index] = answer
                on_answer(answer)

        request = {"verb": "send", "files": [str(path) for path in files]}
        fault = self._ask(request, peer, [_size(path) for path in files], hear, on_wait)
        for index in sorted(in_flight - answers.keys()):
            hear(
                {
                    "event": "answer",
                    "index": index,
                    "verdict": "later",
                    "reason": fault,
                    "status": None,
                }
            )
        return SendReport(tuple(answers[index] for index in sorted(answers)), fault)

    def _ask(
        self,
        request: Mapping[str, Any],
        peer: RemoteAE,
        sizes: Sequence[int],
        hear: Callable[[Mapping[str, Any]], None],
        on_wait: Callable[[], None],
    ) -> str | None:
        # Each line of the child buys the time of one more step: connect and associate, or one response.
        largest = max(sizes, default=0)
        step_s = 2 * peer.timeout_s + largest / SLOWEST_PEER_BYTES_PER_S + MARGIN_S
        try:
            child = self._started()
            child.write(json.dumps({**request, "peer": asdict(peer)}))
            while True:
                event = child.read(time.monotonic() + step_s, on_wait)
                if event["event"] == "end":
                    fault = event["fault"]
                    return None if fault is None else str(fault)
                hear(event)
        except TimeoutError:
            self.close()
            return "frozen"
        except ChildDied:
            self.close()
            return "sender-died"
        except BaseException:
            # Half an answer is still in the pipe; the next request must not read it as its own.
            self.close()
            raise

    def _started(self) -> ScuChild:
        if self._child is None:
            self._child = ScuChild(self.command)
        return self._child


def echo(peer: RemoteAE) -> float:
    """Ask one C-ECHO and return the milliseconds of its answer; raises Unavailable with what to do."""
    with StorageSCU() as scu:
        report = scu.echo(peer)
    if report.fault is not None or report.milliseconds is None:
        reason = report.fault or "no-answer"
        raise Unavailable(reason, f"{peer.name}: {SENTENCES.get(reason, f'C-ECHO failed ({reason})')}")
    return report.milliseconds


def send(
    peer: RemoteAE,
    files: Sequence[Path],
    on_answer: Callable[[Answer], None] = _nothing,
) -> SendReport:
    """Send the files to one peer and return what became of each."""
    with StorageSCU() as scu:
        return scu.send(peer, files, on_answer)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
