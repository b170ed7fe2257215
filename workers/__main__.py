"""The worker: `python -m workers`. Waits for a ring, runs one analysis at a time in the warm child, says it
is alive.

Promise: outages of Redis and Postgres cost waiting, never the process; without Redis it asks Postgres what
is due. On SIGTERM the study in hand is finished first; on a second one the child is killed and the lease
is left to run out.
Refuses to start on a wrong setting. TensorFlow is never imported here, so nothing heavy is in the process
that forks.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from sqlalchemy import Engine

from triage import log
from triage.config import Settings, load_settings
from triage.domain.errors import ConfigError, Refused, TriageError, Unavailable
from triage.store import engine as database
from triage.store import presence, queue_rows
from workers.child.warm import ModelsRejected, Orders, WarmChild, child_environment
from workers.child.wire import Configuration
from workers.follow import Follower
from workers.pipeline import Pipeline, Rules
from workers.queue_job import Doorbell
from workers.shadow import Shadow

logger = log.get(__name__)
BUNDLES = Path(__file__).parent / "models" / "bundles"
BEAT_SECONDS = 5.0
RING_WAIT_SECONDS = 2
BACK_OFF_FIRST_S = 0.5
BACK_OFF_MOST_S = 15.0
BLOCKED_SECONDS = 30.0
STUDY_MEMORY_BYTES = 4 * 1024**3
EXIT_CONFIG = 78


class Stopping(TriageError):
    """The worker was told to stop while it had no study in hand."""


@dataclass
class Life:
    """Whether the worker was told to stop, and when it last said that it is alive."""

    engine: Engine
    process: str
    stopping: bool = False
    state: str = "warming"
    shadow: Callable[[], str] = lambda: ""
    beaten: float = field(default=-BEAT_SECONDS)

    def beat(self) -> None:
        """Report as alive every few seconds; an absent database is no reason to stop."""
        if time.monotonic() - self.beaten < BEAT_SECONDS:
            return
        self.beaten = time.monotonic()
        try:
            beside = self.shadow()
            detail = {"shadow": beside} if beside else {}
            presence.seen(self.engine, self.process, "worker", state=self.state, detail=detail)
        except Unavailable as away:
            logger.warning("presence not written", reason=away.reason)

    def warm_up(self) -> None:
        """Report as alive while the child warms up; raises Stopping, for there is nothing to finish yet."""
        if self.stopping:
            raise Stopping("stopping", "the worker was told to stop")
        self.beat()

    def enter(self, state: str) -> None:
        """Report another state at once."""
        if state != self.state:
            self.state = state
            self.beaten = -BEAT_SECONDS
        self.beat()

    def rest(self, seconds: float) -> None:
        """Wait, alive, but not beyond a request to stop."""
        end = time.monotonic() + seconds
        while not self.stopping and time.monotonic() < end:
            self.beat()
            time.sleep(min(0.2, max(0.0, end - time.monotonic())))


@dataclass
class Worker:
    """The service loop and what it works with. `ring_seconds`: how long a silent doorbell is believed."""

    engine: Engine
    doorbell: Doorbell
    child: WarmChild
    pipeline: Pipeline
    life: Life
    ring_seconds: float
    follower: Follower
    shadow: Shadow
    back_off: float = BACK_OFF_FIRST_S
    asked: float = 0.0

    def serve(self) -> None:
        """Run until told to stop."""
        try:
            self._serve()
        finally:
            self.shadow.stop()

    def _serve(self) -> None:
        while not self.life.stopping:
            try:
                self.step()
                self.back_off = BACK_OFF_FIRST_S
            except Stopping:
                return
            except ModelsRejected as why:
                logger.error("models rejected", sentence=why.sentence)
                self.life.enter("blocked: models")
                self.life.rest(BLOCKED_SECONDS)
            except TriageError as why:
                self._wait(why.reason)
            except Exception as bug:  # noqa: BLE001  # service loop: one odd study must not stop all others
                self._wait(f"internal error ({type(bug).__name__})")

    def step(self) -> None:
        """Warm up if need be, wait for one analysis, run it with the models in force at that moment."""
        self._warm()
        self.shadow.ensure()
        self.life.enter("waiting")
        analysis_id = self._next()
        if analysis_id is not None and not self.life.stopping:
            # Whoever promotes and then asks for a study again gets the new model: the ring came after both.
            self._warm()
            self.life.enter("analysing")
            self.pipeline.analyse(analysis_id)

    def _warm(self) -> None:
        if self.follower.follow():
            self.life.enter("warming")
        self.child.start(self.life.warm_up)

    def _next(self) -> int | None:
        try:
            rung = self.doorbell.wait(RING_WAIT_SECONDS)
        except Refused as foreign:
            logger.error("ring refused", reason=foreign.reason)
            return None
        except Unavailable as away:
            logger.warning("doorbell broken", reason=away.reason)
            due = queue_rows.next_due(self.engine)
            if due is None:
                self.life.rest(RING_WAIT_SECONDS)
            return due
        if rung is None and time.monotonic() - self.asked >= self.ring_seconds:
            # Silence is believed for one ring's interval: a lost ring costs latency only.
            self.asked = time.monotonic()
            return queue_rows.next_due(self.engine)
        return rung

    def _wait(self, reason: str) -> None:
        logger.warning("worker waits", reason=reason, seconds=self.back_off)
        self.life.enter(f"waiting: {reason}")
        self.life.rest(self.back_off)
        self.back_off = min(self.back_off * 2, BACK_OFF_MOST_S)


def orders_of(settings: Settings) -> Orders:
    """Return how this installation's child is run."""
    configuration = Configuration(
        spool_root=str(settings.spool_root),
        models_root=str(settings.models.root or BUNDLES),
        threads=settings.models.threads,
        mode=settings.product.mode,
        memory_bytes=STUDY_MEMORY_BYTES,
        bf16=settings.models.bf16,
    )
    return Orders(configuration, child_environment(os.environ))


def rules_of(settings: Settings) -> Rules:
    """Return what the pipeline must know of the settings."""
    return Rules(
        lease_seconds=settings.dispatch.lease_seconds,
        max_attempts=settings.dispatch.max_attempts,
        study_timeout_seconds=settings.dispatch.study_timeout_seconds,
        peers=tuple(destination.name for destination in settings.results.destinations),
        policy=settings.order_policy(),
    )


def doorbell_of(settings: Settings) -> Doorbell:
    """Return the doorbell; raises ConfigError for an address that is none."""
    try:
        return Doorbell(settings.redis.url.get_secret_value())
    except ValueError as mistake:
        cure = "Write redis://host:6379/0 or unix:///path, or start the worker with `triage run worker`."
        raise ConfigError("redis.url", "is not a Redis URL", cure) from mistake


def worker_of(settings: Settings, orders: Orders | None = None) -> Worker:
    """Return the worker of this installation; `orders` lets a test run another child."""
    engine = database.connect(settings.database.url.get_secret_value())
    life = Life(engine, presence.process_name("worker"))
    orders = orders or orders_of(settings)
    child = WarmChild(orders)
    pipeline = Pipeline(engine, child, rules_of(settings), life.process, life.beat, lambda: life.stopping)
    doorbell = doorbell_of(settings)
    follower = Follower(engine, child, orders, settings.model_store)
    shadow = Shadow(
        engine,
        orders,
        settings.model_store,
        lambda: life.state == "analysing",
        settings.dispatch.study_timeout_seconds,
    )
    life.shadow = lambda: shadow.state
    return Worker(engine, doorbell, child, pipeline, life, settings.dispatch.ring_seconds, follower, shadow)


def stop_on_signals(worker: Worker) -> None:
    """First SIGTERM or SIGINT: finish the study in hand. Second: kill the child and leave."""

    def stop(number: int, frame: FrameType | None) -> None:
        if worker.life.stopping:
            worker.child.kill()
            sys.exit(128 + number)
        worker.life.stopping = True

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)


def run(worker: Worker) -> None:
    """Serve, then leave in good order."""
    logger.info("started")
    try:
        worker.serve()
    finally:
        worker.child.kill()
    try:
        presence.gone(worker.engine, worker.life.process)
    except Unavailable as away:
        logger.warning("presence not removed", reason=away.reason)
    worker.doorbell.close()
    worker.engine.dispose()
    logger.info("stopped")


def main() -> None:
    """Run the worker of this installation."""
    try:
        settings = load_settings()
        log.configure(settings.log, "worker")
        worker = worker_of(settings)
    except ConfigError as mistake:
        sys.stderr.write(f"{mistake}\n")
        sys.exit(EXIT_CONFIG)
    stop_on_signals(worker)
    run(worker)


if __name__ == "__main__":
    main()
