"""One analysis from its row to its recorded outcome: start (compare-and-set) -> child -> succeed or fail.

Promise: an analysis ends in exactly one recorded way, whatever the child does; every write carries the
lease's fence, so a result that comes too late changes nothing; an answer in hand survives an outage of the
database.
Refuses a stale ring. Nothing here opens DICOM or imports TensorFlow.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Engine

from triage import log, metrics
from triage.domain.analysis import Lease
from triage.domain.errors import Conflict, Unavailable
from triage.domain.finding import Triage, triage_of
from triage.domain.priority import OrderPolicy
from triage.store import analyses
from workers.child.warm import ChildDied, ChildHung, WarmChild
from workers.child.wire import Message, StudyReply, StudyRequest

logger = log.get(__name__)
RENEWALS_PER_LEASE = 6
RETRY_FIRST_S = 0.5
RETRY_MOST_S = 10.0


@dataclass(frozen=True, slots=True)
class Rules:
    """What a worker must know of the settings. `peers` are the destinations that every result is owed to."""

    lease_seconds: float
    max_attempts: int
    study_timeout_seconds: float
    peers: tuple[str, ...]
    policy: OrderPolicy


class Pipeline:
    """Runs one analysis at a time. `beat` is called about once a second while it works."""

    def __init__(
        self,
        engine: Engine,
        child: WarmChild,
        rules: Rules,
        worker: str,
        beat: Callable[[], None],
        stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        self._engine = engine
        self._child = child
        self._rules = rules
        self._worker = worker
        self._beat = beat
        self._stopping = stopping

    def analyse(self, analysis_id: int) -> str:
        """Run one analysis; return how it ended: succeeded, failed, queued (for a later attempt), stale, lost."""
        # Warm before the lease is taken: bundles that cannot load must not cost a study its attempts.
        self._child.start(self._beat)
        try:
            lease = self._start(analysis_id)
        except Conflict:
            return self._ended(analysis_id, "stale")
        try:
            return self._ended(analysis_id, self._run(lease))
        except Conflict as lost:
            logger.warning("lease lost", analysis=analysis_id, reason=lost.reason)
            return self._ended(analysis_id, "lost")

    def _start(self, analysis_id: int) -> Lease:
        rules = self._rules
        return analyses.start(
            self._engine,
            analysis_id,
            self._worker,
            rules.policy,
            lease_seconds=rules.lease_seconds,
            max_attempts=rules.max_attempts,
        )

    def _run(self, lease: Lease) -> str:
        request = {"analyse": StudyRequest.of(lease).to_json()}
        early: list[Triage] = []
        try:
            answer = self._child.ask(
                request,
                self._rules.study_timeout_seconds,
                self._renewing(lease),
                lambda said: self._place(lease, said, early),
            )
        except (ChildDied, ChildHung) as end:
            return self._fail(lease, end.reason, end.sentence, retry=True)
        return self._settle(lease, answer, early[-1] if early else None)

    def _place(self, lease: Lease, said: Message, early: list[Triage]) -> None:
        """Order the study by its flag while the child still measures; whatever fails here the reply makes up for."""
        try:
            triage = triage_of(said)
            analyses.place(self._engine, lease, triage, self._rules.policy)
        except (Conflict, Unavailable) as why:
            logger.warning("not placed early", analysis=lease.analysis_id, reason=why.reason)
        except (KeyError, TypeError, ValueError) as odd:
            logger.error("notice unreadable", analysis=lease.analysis_id, error=type(odd).__name__)
        else:
            early.append(triage)

    def _renewing(self, lease: Lease) -> Callable[[], None]:
        every = self._rules.lease_seconds / RENEWALS_PER_LEASE
        due = time.monotonic() + every

        def tick() -> None:
            nonlocal due
            self._beat()
            if time.monotonic() < due:
                return
            due = time.monotonic() + every
            try:
                analyses.renew(self._engine, lease, self._rules.lease_seconds)
            except (Conflict, Unavailable) as why:
                # The fence decides at the end; a warm child is worth more than the rest of this study.
                logger.warning("lease not renewed", analysis=lease.analysis_id, reason=why.reason)

        return tick

    def _settle(self, lease: Lease, answer: Message, early: Triage | None) -> str:
        for word, retry in (("unprocessable", False), ("unavailable", True)):
            if word in answer:
                return self._fail(lease, answer[word]["reason"], answer[word]["sentence"], retry=retry)
        if "failed" in answer:
            logger.error("analysis failed", analysis=lease.analysis_id, **answer["failed"])
            # After a bug or out of memory nobody knows what is left of it: the next study gets a new child.
            self._child.kill()
            sentence = f"the analysis stopped with an internal error ({answer['failed'].get('error')})"
            return self._fail(lease, "internal-error", sentence, retry=True)
        try:
            reply = StudyReply.from_json(answer["reply"])
        except (KeyError, TypeError, ValueError) as error:
            self._child.kill()
            return self._fail(
                lease, "bad-reply", f"the answer was unreadable ({type(error).__name__})", retry=True
            )
        return self._succeed(lease, reply, early)

    def _succeed(self, lease: Lease, reply: StudyReply, early: Triage | None) -> str:
        rules = self._rules
        try:
            self._recorded(
                lambda: analyses.succeed(
                    self._engine,
                    lease,
                    reply.outcome,
                    reply.evidence,
                    rules.peers,
                    rules.policy,
                    key_image=reply.key_image,
                    placed=early,
                )
            )
        except Conflict as conflict:
            if conflict.reason != "evidence-uid":
                raise
            return self._fail(lease, conflict.reason, conflict.sentence, retry=False)
        for stage, milliseconds in reply.outcome.timings_ms.items():
            metrics.STAGE_SECONDS.labels(stage).observe(milliseconds / 1000.0)
        return "succeeded"

    def _fail(self, lease: Lease, reason: str, sentence: str, *, retry: bool) -> str:
        rules = self._rules
        followed: list[str] = []
        self._recorded(
            lambda: followed.append(
                analyses.fail(
                    self._engine,
                    lease,
                    reason,
                    sentence,
                    rules.policy,
                    retry=retry,
                    max_attempts=rules.max_attempts,
                )
            )
        )
        logger.info(
            "fail", analysis=lease.analysis_id, attempt=lease.attempt, reason=reason, state=followed[-1]
        )
        return followed[-1]

    def _recorded(self, write: Callable[[], None]) -> None:
        """Write, waiting for the database as long as it takes; a commit of unknown fate ends in Conflict."""
        wait = RETRY_FIRST_S
        while True:
            try:
                return write()
            except Unavailable as away:
                if self._stopping():
                    # The lease runs out by itself; the next attempt rebuilds the same evidence.
                    raise
                logger.warning("record waits", reason=away.reason)
                self._beat()
                time.sleep(wait)
                wait = min(wait * 2, RETRY_MOST_S)

    def _ended(self, analysis_id: int, result: str) -> str:
        metrics.ANALYSES.labels(result).inc()
        logger.info("analyse", analysis=analysis_id, result=result)
        return result
