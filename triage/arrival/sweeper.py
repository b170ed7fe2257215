"""After any crash: half-written files go, whole ones reach the catalogue, torn ones are put aside.

Promise: within seconds of its start every durable file is on its way into the catalogue. What lay in the
spool before this process began is hashed again before it is believed.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

from triage.arrival.register import BATCH, Register, is_whole
from triage.domain.errors import Unavailable
from triage.log import get
from triage.spool import Spool, digest_of

LOG = get(__name__)
SWEEP_S = 30.0
RETRY_S = 60.0
# A part is locked microseconds after it is created; this covers a process stopped in between.
_UNLOCKED_S = 10.0


class Sweeper:
    """Feeds the register from the spool, oldest first."""

    def __init__(self, spool: Spool, register: Register) -> None:
        self._spool = spool
        self._register = register
        self._unproven = {path.name for path in spool.incoming()}
        self._next_sweep = 0.0
        self._next_retry = 0.0

    def tick(self) -> int:
        """Register everything that waits now; return how many. Raises Unavailable."""
        now = time.monotonic()
        if now >= self._next_sweep:
            self._sweep_parts()
            self._next_sweep = now + SWEEP_S
        skipped = self._register.troubled.copy() if now < self._next_retry else set()
        waiting = (path for path in self._spool.incoming() if path.name not in skipped)
        done = 0
        while batch := list(islice(waiting, BATCH)):
            done += self._register.files(self._proven(batch))
        if self._register.troubled and not skipped:
            self._next_retry = now + RETRY_S
        return done

    def _sweep_parts(self) -> None:
        removed, rescued = self._spool.sweep_parts(_UNLOCKED_S, is_whole)
        if removed or rescued:
            LOG.warning("parts-swept", removed=removed, rescued=rescued)

    def _proven(self, batch: Sequence[Path]) -> list[Path]:
        return [path for path in batch if path.name not in self._unproven or self._prove(path)]

    def _prove(self, path: Path) -> bool:
        try:
            whole = is_whole(path, digest_of(path))
        except FileNotFoundError:
            return False
        except OSError as trouble:
            raise Unavailable("spool-broken", "the spool cannot be read") from trouble
        self._unproven.discard(path.name)
        if not whole:
            self._register.refuse(path, "torn-file")
        return whole
