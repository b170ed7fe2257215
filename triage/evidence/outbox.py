"""Step 11: deliver each result to each configured PACS, for as long as it takes.

Promise: what was committed as pending is sent, with the same bytes under the same UID, until the peer
judged it; a crash at any point only sends again what the peer may already hold. The most urgent study
goes first. One thread per peer: a frozen PACS delays nobody else. Refuses to decide about findings.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import Engine

from triage import log, metrics
from triage.config import ResultsSettings
from triage.domain.errors import NotFound, Refused, Unavailable
from triage.evidence.breaker import Backoff, Breaker, BreakerState
from triage.evidence.judgement import Verdict
from triage.evidence.pacs import Answer, RemoteAE, SendReport, StorageSCU
from triage.store import evidence as store
from triage.store.evidence import Delivery

logger = log.get(__name__)


@dataclass(frozen=True, slots=True)
class OutboxPolicy:
    """How patient the outbox is. A killed outbox's deliveries are due again after `lease_s`."""

    backoff: Backoff
    breaker_failures: int
    lease_s: float = 10.0
    poll_s: float = 1.0
    drain_s: float = 10.0

    @classmethod
    def from_settings(cls, settings: ResultsSettings) -> OutboxPolicy:
        """Return the policy a site configured."""
        return cls(
            Backoff(settings.backoff_first_s, settings.backoff_most_s),
            settings.breaker_failures,
        )


class Interrupted(Exception):
    """We are shutting down and this send took longer than the drain allows."""


@dataclass
class PeerOutbox:
    """The deliveries owed to one peer. `locate` turns a spool name into a path."""

    engine: Engine
    locate: Callable[[str], Path]
    peer: RemoteAE
    policy: OutboxPolicy
    clock: Callable[[], float] = time.monotonic
    dice: Callable[[], float] = random.random
    scu: StorageSCU = field(default_factory=StorageSCU)
    stop: threading.Event = field(default_factory=threading.Event)
    breaker: Breaker = field(init=False)
    _stopped_at: float | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self.breaker = Breaker(self.policy.backoff, self.policy.breaker_failures)

    def run(self) -> None:
        """Deliver until `stop` is set; then finish the study in hand, within the drain."""
        while not self.stop.is_set():
            try:
                wait_s = self.step()
            except Unavailable as away:
                logger.warning("outbox waits", peer=self.peer.name, reason=away.reason)
                wait_s = self.policy.poll_s
            except Interrupted:
                break
            except Exception as fault:  # noqa: BLE001  # see below
                # A service loop: one bad row must not end the delivery of all others. The lease keeps
                # that row back meanwhile. The type alone is logged: a message could quote a header.
                logger.error("outbox failed", peer=self.peer.name, error=type(fault).__name__)
                wait_s = self.policy.backoff.first_s
            self.stop.wait(min(wait_s, self.policy.poll_s))
        self.scu.close()

    def step(self) -> float:
        """Do one thing: probe, or send one study's due results. Return the seconds until the next."""
        wait_s = self.breaker.wait(self.clock())
        if wait_s > 0 and not store.take_request(self.engine, self.peer.name):
            return wait_s
        if self.breaker.state is BreakerState.OPEN and not self._probe():
            return self.breaker.wait(self.clock())
        due = store.take_due(self.engine, self.peer.name, self.policy.lease_s)
        if not due:
            return self.policy.poll_s
        self._send(due)
        return self.breaker.wait(self.clock())

    def _probe(self) -> bool:
        reason = self.scu.echo(self.peer).fault
        if reason is None:
            self.breaker = self.breaker.echoed()
            logger.info("peer answers", peer=self.peer.name)
            return True
        self._peer_failed(reason)
        return False

    def _send(self, leased: Sequence[Delivery]) -> None:
        due = [(one, path) for one in leased if (path := self._located(one)) is not None]
        open_ids = {one.id for one, _ in due}

        held_at = time.monotonic()

        def hold() -> None:
            nonlocal held_at
            if time.monotonic() - held_at >= self.policy.lease_s / 4:
                store.renew(self.engine, sorted(open_ids), self.policy.lease_s)
                held_at = time.monotonic()

        def record(answer: Answer) -> None:
            self._record(due[answer.index][0], answer)
            open_ids.discard(due[answer.index][0].id)
            hold()

        def wait() -> None:
            self._give_up_when_stopping()
            hold()

        try:
            report = self.scu.send(self.peer, [path for _, path in due], record, wait)
        except Interrupted:
            store.give_back(self.engine, sorted(open_ids), "interrupted")
            raise
        if open_ids:
            store.give_back(self.engine, sorted(open_ids), report.fault or "not-tried")
        self._judge_peer(report)

    def _located(self, one: Delivery) -> Path | None:
        try:
            return self.locate(one.spool_name)
        except (Refused, NotFound) as gone:
            # Our own bytes are missing: nothing to send until a person restores the spool and retries.
            store.refused(self.engine, one.id, None, gone.reason)
            logger.error(
                "evidence missing",
                peer=self.peer.name,
                delivery=one.id,
                reason=gone.reason,
            )
            return None

    def _record(self, one: Delivery, answer: Answer) -> None:
        status, reason = answer.status, answer.reason
        if answer.verdict is Verdict.LATER:
            delay_s = self.policy.backoff.delay(one.attempts + 1, self.dice())
            store.postpone(self.engine, one.id, reason, status, delay_s)
        elif answer.verdict is Verdict.REFUSED:
            store.refused(self.engine, one.id, status, reason)
        else:
            store.sent(
                self.engine,
                one.id,
                status,
                reason if answer.verdict is Verdict.SENT_WITH_WARNING else "",
            )
        metrics.DELIVERIES.labels(peer=self.peer.name, result=answer.verdict.value).inc()
        say = logger.info if answer.verdict is Verdict.SENT else logger.warning
        say(
            "send",
            peer=self.peer.name,
            delivery=one.id,
            kind=one.kind,
            result=answer.verdict.value,
            reason=reason,
        )

    def _judge_peer(self, report: SendReport) -> None:
        if report.fault is None and not report.answers:
            return
        if report.peer_failed:
            self._peer_failed(report.fault or report.answers[-1].reason)
        else:
            self.breaker = self.breaker.succeeded()

    def _peer_failed(self, reason: str) -> None:
        self.breaker = self.breaker.failed(self.clock(), self.dice())
        wait_s = round(self.breaker.wait(self.clock()), 1)
        logger.warning(
            "peer away",
            peer=self.peer.name,
            reason=reason,
            failures=self.breaker.failures,
            wait_s=wait_s,
        )

    def _give_up_when_stopping(self) -> None:
        if not self.stop.is_set():
            return
        self._stopped_at = self._stopped_at or time.monotonic()
        if time.monotonic() - self._stopped_at >= self.policy.drain_s:
            raise Interrupted
