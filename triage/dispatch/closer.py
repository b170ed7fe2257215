"""Hop 4 as a process: every second, close what is complete and ring for what is due.

Promises: two closers do no harm (compare-and-set), and a closer that died is made up for by the next
tick of any other. Decides nothing itself: the rules are `triage.domain.closing`. What is to be done hourly
(see `triage.watch`) runs in a thread of its own: it never delays a closing.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from redis import Redis
from sqlalchemy import Engine

from triage import log, metrics
from triage.config import Settings
from triage.dispatch import queue
from triage.dispatch.recover import recover
from triage.domain.closing import ClosingRules, closing_reason
from triage.domain.errors import Unavailable
from triage.domain.priority import OrderPolicy
from triage.store import engine as database
from triage.store import presence, queue_rows, studies, worklist_clock, worklist_policy

HEARTBEAT_S = 5.0
FIRST_S, HOUR_S = 60.0, 3600.0
logger = log.get(__name__)


@dataclass(frozen=True, slots=True)
class Dispatch:
    """What a tick needs."""

    engine: Engine
    doorbell: Redis
    rules: ClosingRules
    policy: OrderPolicy
    ring_seconds: float
    max_attempts: int
    job_timeout_s: int


def dispatch_of(settings: Settings, engine: Engine) -> Dispatch:
    """Return what a tick needs, from the settings."""
    return Dispatch(
        engine=engine,
        doorbell=queue.connect(settings.redis.url.get_secret_value()),
        rules=settings.closing_rules(),
        policy=settings.order_policy(),
        ring_seconds=settings.dispatch.ring_seconds,
        max_attempts=settings.dispatch.max_attempts,
        job_timeout_s=int(settings.dispatch.study_timeout_seconds) + 60,
    )


def close_complete(dispatch: Dispatch) -> int:
    """Close every study whose rules say so; return how many were closed."""
    closed = 0
    for seen in studies.receiving(dispatch.engine):
        try:
            closed += _close_if_complete(dispatch, seen)
        except Unavailable:
            raise
        except Exception as fault:  # noqa: BLE001  # service loop: one odd study must not stop all others
            logger.error("close failed", study=seen.study_id, error=type(fault).__name__)
    return closed


def _close_if_complete(dispatch: Dispatch, seen: studies.Receiving) -> bool:
    reason = closing_reason(seen.view, dispatch.rules, seen.now)
    if reason is None:
        return False
    done = studies.close(dispatch.engine, seen, reason, dispatch.policy)
    if done is None:
        return False
    metrics.STUDIES_CLOSED.labels(reason).inc()
    logger.info("close", study=done.study_id, revision=done.revision, reason=reason)
    return True


def ring_due(dispatch: Dispatch) -> int:
    """Ring for analyses that are due; return how many."""
    due = queue_rows.ring_due(dispatch.engine, dispatch.ring_seconds)
    if not due:
        return 0
    rung = queue.ring(dispatch.doorbell, due, dispatch.job_timeout_s)
    logger.info("enqueue", analyses=rung, queue_full=rung < len(due))
    return rung


def tick(dispatch: Dispatch) -> None:
    """Do one round: close, take back lost leases, ring."""
    close_complete(dispatch)
    recover(dispatch.engine, dispatch.max_attempts, dispatch.policy)
    ring_due(dispatch)


def every_hour(
    act: Callable[[], object], stop: threading.Event, first: float = FIRST_S, then: float = HOUR_S
) -> None:
    """Do `act` after `first` seconds and every `then` seconds, until `stop` is set."""
    wait = first
    while not stop.wait(wait):
        wait = then
        try:
            act()
        except Unavailable as away:
            logger.warning("hourly round waits", reason=away.reason)
            wait = first
        except Exception as fault:  # noqa: BLE001  # service loop: an odd row must not end it
            logger.error("hourly round failed", error=type(fault).__name__)


def _follow_settings(engine: Engine, site: OrderPolicy) -> None:
    try:
        changed = worklist_policy.follow_settings(engine, site)
        logger.info("order follows the settings", studies=changed)
    except Unavailable as away:
        logger.warning("order not looked at", reason=away.reason)


def _clock_set_right(engine: Engine, site: OrderPolicy) -> None:
    ahead = worklist_clock.arrive_now(engine, site)
    if ahead:
        logger.warning("arrivals were in the future", studies=ahead)


def serve(
    settings: Settings, stop: threading.Event, hourly: Callable[[Engine], object] | None = None
) -> None:
    """Tick until `stop` is set; `hourly` is done beside it."""
    engine = database.connect(settings.database.url.get_secret_value())
    dispatch = dispatch_of(settings, engine)
    process = presence.process_name("closer")
    logger.info("started")
    _follow_settings(engine, dispatch.policy)
    if hourly is not None:
        rounds = threading.Thread(target=every_hour, args=(lambda: hourly(engine), stop), daemon=True)
        rounds.start()
    next_beat = 0.0
    while not stop.wait(settings.closing.tick_seconds):
        try:
            if time.monotonic() >= next_beat:
                presence.seen(engine, process, "closer")
                next_beat = time.monotonic() + HEARTBEAT_S
                _clock_set_right(engine, dispatch.policy)
            tick(dispatch)
        except Unavailable as away:
            logger.warning("closer waits", reason=away.reason)
        except Exception as fault:  # noqa: BLE001  # service loop: an odd row must not end it
            logger.error("closer failed", error=type(fault).__name__)
    logger.info("stopped")
    engine.dispose()
