"""How often somebody may try: growing pauses after failures. Pure; the clock is an argument.

Every try is counted before it is judged, so that tries at the same moment cannot slip through together;
success takes the count back. A pause never grows past its ceiling, and a page that is open already is counted
by its own session; but whoever keeps guessing at a name can keep its sign-in waiting (NIST SP 800-63B-4 3.2.2
allows at most 100 failures in a row).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Limit:
    """`free` tries, then a pause of `first` that doubles with each further try up to `most`; forgotten after `memory`."""

    free: int
    first: timedelta
    most: timedelta
    memory: timedelta


PER_ACCOUNT = Limit(5, timedelta(seconds=30), timedelta(minutes=15), timedelta(hours=12))
# A reading room may share one address behind a proxy.
PER_ADDRESS = Limit(30, timedelta(seconds=30), timedelta(minutes=15), timedelta(minutes=30))


@dataclass(frozen=True, slots=True)
class Tries:
    """What is remembered of one name or address."""

    count: int = 0
    last: datetime | None = None
    until: datetime | None = None


def blocked(tries: Tries, now: datetime) -> bool:
    """Tell whether another try has to wait."""
    return tries.until is not None and tries.until > now


def charge(tries: Tries, limit: Limit, now: datetime) -> Tries:
    """Return what is remembered after one more try, which is taken for a failure until it succeeds."""
    forgotten = tries.last is not None and now - tries.last > limit.memory
    count = 1 if forgotten else tries.count + 1
    over = count - limit.free
    if over < 0:
        return Tries(count, now, None)
    pause = min(limit.most, limit.first * 2 ** min(over, 16))
    return Tries(count, now, now + pause)


def forgiven(tries: Tries) -> Tries:
    """Return what is remembered of an address after one of its tries succeeded: that try alone is taken back."""
    return replace(tries, count=max(0, tries.count - 1), until=None)
