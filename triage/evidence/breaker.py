"""How long to leave a peer alone: back-off with jitter, and the breaker in front of each PACS.

Pure: the clock and the dice are arguments. While the peer itself is away its results stay due, so that
the most urgent goes first when it returns; only the breaker waits.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Backoff:
    """Seconds between tries: doubling from `first_s` to `most_s`, for as long as it takes."""

    first_s: float
    most_s: float

    def delay(self, failures: int, dice: float) -> float:
        """Return the wait after that many failures in a row; `dice` in [0, 1) takes up to a quarter off."""
        doublings = min(max(failures, 1) - 1, 30)
        whole = min(self.first_s * 2.0**doublings, self.most_s)
        return whole * (1.0 - 0.25 * dice)


class BreakerState(StrEnum):
    """CLOSED: send. OPEN: only a C-ECHO may go. TRIAL: the C-ECHO was answered, one send decides."""

    CLOSED = "closed"
    OPEN = "open"
    TRIAL = "trial"


@dataclass(frozen=True, slots=True)
class Breaker:
    """One peer's breaker at one moment; every event returns the next one."""

    backoff: Backoff
    threshold: int
    state: BreakerState = BreakerState.CLOSED
    failures: int = 0
    retry_at: float = 0.0

    def wait(self, now: float) -> float:
        """Return the seconds until this peer may be tried again."""
        return max(0.0, self.retry_at - now)

    def failed(self, now: float, dice: float) -> Breaker:
        """The peer could not be used: wait longer; open when it happened often enough."""
        failures = self.failures + 1
        opens = self.state is not BreakerState.CLOSED or failures >= self.threshold
        return replace(
            self,
            state=BreakerState.OPEN if opens else BreakerState.CLOSED,
            failures=failures,
            retry_at=now + self.backoff.delay(failures, dice),
        )

    def echoed(self) -> Breaker:
        """The peer answered C-ECHO: let one send decide (a full PACS echoes happily)."""
        return replace(self, state=BreakerState.TRIAL, retry_at=0.0)

    def succeeded(self) -> Breaker:
        """The peer judged an instance: it is alive, whatever it said."""
        return replace(self, state=BreakerState.CLOSED, failures=0, retry_at=0.0)
