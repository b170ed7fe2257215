"""Sign-in with a local password: counted first, checked always, refused in one sentence.

Promises that a name nobody has, a closed account and a wrong password cannot be told apart by words or by
the work done; that what was typed is neither kept nor logged; that a stranger's guesses do not keep a person
out of where they sign in; and that a hash of old parameters is renewed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Engine

from triage import log, metrics
from triage.accounts import passwords
from triage.config import AccessSettings
from triage.domain.account import Account, name_key
from triage.domain.attempts import By, counted_by, place_of
from triage.domain.errors import NotFound, Refused
from triage.domain.password import check_new
from triage.store import accounts, places, sessions, tries
from triage.store.sessions import Lifetimes, Opened, Session

LOG = log.get(__name__)
LONGEST_TYPED = 1024


class SlowDown(Refused):
    """Too many tries: wait until `until`. The same for names that exist and names that do not."""

    def __init__(self, until: datetime) -> None:
        super().__init__("too-many-tries", f"Too many tries. Try again at {until.astimezone():%H:%M:%S}.")
        self.until = until


@dataclass(frozen=True, slots=True)
class Checked:
    """An account whose password was given: the hash it fits, one that replaces it, and the tries to take back."""

    account: Account
    forgiving: Mapping[By, str]
    fitted_hash: str = field(repr=False)
    new_hash: str = field(default="", repr=False)


def lifetimes(access: AccessSettings) -> Lifetimes:
    """Return how long this site's sessions last."""
    return Lifetimes(
        timedelta(hours=access.session_hours),
        timedelta(hours=access.idle_hours),
        timedelta(minutes=access.lock_minutes) if access.lock_minutes else None,
    )


def sign_in(
    engine: Engine, name: str, password: str, address: str, lasting: Lifetimes, *, replacing: bytes = b""
) -> Opened:
    """Open a session; raises SlowDown, or Refused in the one sentence that says nothing.

    The session that this browser had (`replacing`) ends, whoever's it was, and lends nothing to the new one.
    """
    found = checked(engine, name, password, address, "password", replacing)
    if replacing:
        sessions.end(engine, replacing)
    return _opened(engine, found, address, "password", lasting)


def unlock(engine: Engine, held: Session, password: str, address: str, lasting: Lifetimes) -> Opened:
    """Open a locked session again under a new id; its absolute end stays. Raises as `sign_in`."""
    found = checked(engine, held.account.name, password, address, "unlock", held.digest)
    return _opened(engine, found, address, "unlock", lasting, replacing=held.digest)


def change_password(
    engine: Engine, held: Session, old: str, new: str, address: str, access: AccessSettings
) -> Opened:
    """Set a password of the person's own: every other session ends, this one gets a new id. Raises as `sign_in`,
    and Refused for a new password that may not be set."""
    # First what costs no try: the rules for a new password are no secret.
    fresh = check_new(new, held.account.name, access.password_length)
    found = checked(engine, held.account.name, old, address, "password-change", held.digest)
    if fresh == old:
        raise Refused("password-same", "that is the password you have")
    fresh_hash, name = passwords.hashed(fresh), held.account.name
    accounts.set_password(engine, name, fresh_hash, name, must_change=False, keep=held.digest)
    kept = Checked(found.account, found.forgiving, fresh_hash)
    return _opened(engine, kept, address, "password-change", lifetimes(access), replacing=held.digest)


def checked(
    engine: Engine, name: str, password: str, address: str, method: str, session: bytes = b""
) -> Checked:
    """Return the account whose password this is; raises SlowDown or Refused.

    Whose browser has a session of that account, locked or not, is counted by it: a stranger's guesses at the door
    must not keep them from their own page. Whoever signs in where they did before is not slowed by guesses elsewhere.
    """
    typed, password = name[:LONGEST_TYPED].replace("\0", ""), password[:LONGEST_TYPED]
    known, place, key = accounts.known(engine, typed), place_of(address), name_key(typed)
    whose = known.account.name if known else None
    account_id = known.account.id if known else places.NOBODYS
    familiar, own = places.familiar(engine, account_id, place, session)
    forgiving = counted_by(key, place, session.hex() if own else "", familiar=familiar)
    until = tries.take(engine, forgiving, key, whose, address)
    if until is not None:
        metrics.LOGINS.labels(method, "blocked").inc()
        raise SlowDown(until)
    stored = known.password_hash if known is not None and not known.account.disabled else ""
    if not passwords.fits(stored, password) or known is None:
        sessions.refused(engine, whose, address, method)
        raise _refusal(method)
    renewed = passwords.hashed(password) if passwords.outdated(stored) else ""
    return Checked(known.account, forgiving, stored, renewed)


def _opened(
    engine: Engine, found: Checked, address: str, method: str, lasting: Lifetimes, *, replacing: bytes = b""
) -> Opened:
    try:
        opened = sessions.open_session(
            engine,
            found.account,
            lasting,
            address,
            method,
            replacing=replacing,
            forgiving=found.forgiving,
            fitted_hash=found.fitted_hash,
            new_hash=found.new_hash,
        )
    except NotFound:  # closed, or given another password, between the check and now
        raise _refusal(method) from None
    metrics.LOGINS.labels(method, "ok").inc()
    LOG.info("sign-in", method=method)
    return opened


def _refusal(method: str) -> Refused:
    metrics.LOGINS.labels(method, "refused").inc()
    return Refused("sign-in", "That name and password do not belong together.")
