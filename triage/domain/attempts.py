"""How often somebody may try: growing pauses after failures. Pure; the clock is an argument.

Every try is counted before it is judged, so that tries at the same moment cannot slip through together;
success takes the count back. A pause never grows past its ceiling. A stranger's guesses must not keep a person
out: tries are counted by name and place together first, and whoever signs in where they did before, or from a
browser with a session of their own, is counted by that alone. The sum over all places slows strangers only
(NIST SP 800-63B-4 3.2.2 allows at most 100 failures in a row).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from ipaddress import IPv6Address, ip_address, ip_network


@dataclass(frozen=True, slots=True)
class Limit:
    """`free` tries, then a pause of `first` that doubles with each further try up to `most`; forgotten after `memory`."""

    free: int
    first: timedelta
    most: timedelta
    memory: timedelta


class By(StrEnum):
    """What tries are counted by, as the audit names it."""

    SESSION = "session"
    ACCOUNT_AND_ADDRESS = "account-and-address"
    ACCOUNT = "account"
    ADDRESS = "address"


_SLOW = Limit(5, timedelta(seconds=30), timedelta(minutes=15), timedelta(hours=12))
LIMITS = {
    By.SESSION: _SLOW,
    By.ACCOUNT_AND_ADDRESS: _SLOW,
    By.ACCOUNT: replace(_SLOW, free=10),
    # A reading room may share one address behind a proxy.
    By.ADDRESS: Limit(30, timedelta(seconds=30), timedelta(minutes=15), timedelta(minutes=30)),
}


def place_of(address: str) -> str:
    """Return the place that an address stands for: itself, of IPv6 its /64, because one host owns all of that."""
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if not isinstance(parsed, IPv6Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ip_network((parsed, 64), strict=False))


def counted_by(name_key: str, place: str, session: str, *, familiar: bool) -> dict[By, str]:
    """Return what a try is counted by: the session of that name's own person where the browser has one, the name at
    this place; and of a place that the name never signed in from, the name anywhere and the place as well."""
    if session:
        return {By.SESSION: session}
    here = {By.ACCOUNT_AND_ADDRESS: f"{place}\0{name_key}"}
    return here if familiar else {**here, By.ACCOUNT: name_key, By.ADDRESS: place}


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
