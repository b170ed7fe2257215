"""The process `triage run registrar`: keeps incoming/ empty.

Postgres away: it backs off, nothing is lost, and it resumes within seconds of its return. May be killed at
any point, and several may run.
"""

from __future__ import annotations

import threading
import time

from triage.arrival.register import Register
from triage.arrival.sweeper import Sweeper
from triage.config import Settings
from triage.domain.errors import Unavailable
from triage.log import get
from triage.spool import Spool
from triage.store import engine as database
from triage.store import presence

LOG = get(__name__)
POLL_S = 0.2
HEARTBEAT_S = 5.0
_LONGEST_WAIT_S = 5.0


def run(settings: Settings, stop: threading.Event) -> int:
    """Register what arrives until told to stop; return the exit code."""
    engine = database.connect(settings.database.url.get_secret_value())
    spool = Spool(settings.spool_root)
    sweeper = Sweeper(spool, Register(engine, spool, settings.order_policy()))
    process = presence.process_name("registrar")
    LOG.info("started")
    wait, beat = POLL_S, 0.0
    while not stop.wait(wait):
        try:
            done = sweeper.tick()
            wait = 0.0 if done else POLL_S
            if time.monotonic() >= beat:
                presence.seen(engine, process, "registrar")
                beat = time.monotonic() + HEARTBEAT_S
        except Unavailable as away:
            wait = min(_LONGEST_WAIT_S, max(0.5, wait * 2))
            LOG.warning("registrar-waits", reason=away.reason, seconds=wait)
        except Exception:
            # A service loop: one odd file or row must not stop all others.
            wait = _LONGEST_WAIT_S
            LOG.exception("registrar-failed")
    engine.dispose()
    LOG.info("stopped")
    return 0
