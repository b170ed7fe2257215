"""The process `triage run receiver`: the Storage and Verification SCP.

SIGTERM and SIGINT drain: objects in progress finish, newcomers are refused as congested, exit 0.
Depends on the disk alone: neither Postgres nor Redis need be there.
"""

from __future__ import annotations

import signal
import threading
from types import FrameType

from triage.arrival.policy import policy_from
from triage.arrival.scp import Acceptor, listen
from triage.config import Settings
from triage.log import get
from triage.spool import Spool

LOG = get(__name__)
# Threads here are shallow; the default of 8 MB each would only look like a leak.
_STACK_BYTES = 512 * 1024


def run(settings: Settings, stop: threading.Event | None = None) -> int:
    """Serve until told to stop; return the exit code."""
    ended = stop or threading.Event()
    if stop is None:
        _stop_on_signals(ended)
    threading.stack_size(_STACK_BYTES)
    policy = policy_from(settings)
    spool = Spool(settings.spool_root)
    listener = listen(policy)
    LOG.info(
        "listening", ae_title=policy.ae_title, host=policy.host, port=policy.port, tls=policy.tls is not None
    )
    Acceptor(policy, spool, listener).serve(ended)
    return 0


def _stop_on_signals(stop: threading.Event) -> None:
    def on_signal(_: int, __: FrameType | None) -> None:
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, on_signal)
