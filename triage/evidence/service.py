"""The process `triage run outbox`: one thread per destination, and a heartbeat.

Promise: stops within its drain when told to, gives back what it did not finish, and is seen in the
presence table with the state of each peer. Refuses to start with two destinations of one name.
"""

from __future__ import annotations

import threading
from collections import Counter

from sqlalchemy import Engine

from triage import log
from triage.config import Settings
from triage.domain.errors import ConfigError, Unavailable
from triage.evidence.breaker import BreakerState
from triage.evidence.outbox import OutboxPolicy, PeerOutbox
from triage.evidence.pacs import remote_ae
from triage.spool import Spool
from triage.store import engine as database
from triage.store import presence

HEARTBEAT_S = 5.0
logger = log.get(__name__)


def peer_outboxes(settings: Settings, engine: Engine, stop: threading.Event) -> list[PeerOutbox]:
    """Return one outbox per destination; raises ConfigError when two share a name."""
    destinations = settings.results.destinations
    twice = [name for name, count in Counter(one.name for one in destinations).items() if count > 1]
    if twice:
        raise ConfigError(
            "results.destinations",
            f"{twice[0]} is there twice",
            "Give each its own name.",
        )
    locate = Spool(settings.spool_root).path
    policy = OutboxPolicy.from_settings(settings.results)
    return [PeerOutbox(engine, locate, remote_ae(one, settings), policy, stop=stop) for one in destinations]


def serve(settings: Settings, stop: threading.Event) -> None:
    """Deliver until `stop` is set, then drain."""
    pool_size = len(settings.results.destinations) + 2
    engine = database.connect(settings.database.url.get_secret_value(), pool_size=pool_size)
    outboxes = peer_outboxes(settings, engine, stop)
    threads = [threading.Thread(target=one.run, name=f"outbox-{one.peer.name}") for one in outboxes]
    for thread in threads:
        thread.start()
    logger.info("started", peers=[one.peer.name for one in outboxes])
    process = presence.process_name("outbox")
    while not stop.wait(HEARTBEAT_S if _report(engine, process, outboxes) else 1.0):
        pass
    for thread in threads:
        thread.join()
    _forget(engine, process)
    engine.dispose()
    logger.info("stopped")


def _report(engine: Engine, process: str, outboxes: list[PeerOutbox]) -> bool:
    peers = {
        one.peer.name: {
            "breaker": one.breaker.state.value,
            "failures": one.breaker.failures,
        }
        for one in outboxes
    }
    away = any(one.breaker.state is not BreakerState.CLOSED for one in outboxes)
    try:
        presence.seen(
            engine,
            process,
            "outbox",
            state="peer-away" if away else "ok",
            detail={"peers": peers},
        )
    except Unavailable:
        return False  # without its database the heartbeat is late, and that is the truth
    return True


def _forget(engine: Engine, process: str) -> None:
    try:
        presence.gone(engine, process)
    except Unavailable:
        logger.warning("presence not cleared", reason="database")
