"""Hashes of passwords: argon2id at the library's current parameters (RFC 9106), never anything else.

Promises that no more than two are worked on at a time in one process: each takes 64 MiB, and anybody may ask.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from triage.domain import password
from triage.domain.errors import Unavailable
from triage.domain.password import normalised

AT_A_TIME = 2
WAIT_SECONDS = 10.0
_HASHER = PasswordHasher()
_turns = threading.BoundedSemaphore(AT_A_TIME)


def hashed(spoken: str) -> str:
    """Return the hash of a password that may be set."""
    with _turn():
        return _HASHER.hash(normalised(spoken))


def fits(stored: str, spoken: str) -> bool:
    """Tell whether the password is the one hashed; an empty hash takes the same time and never fits."""
    with _turn():
        try:
            return _HASHER.verify(stored or nobodys(), normalised(spoken)) and bool(stored)
        except (VerificationError, InvalidHashError):
            return False


def one_time() -> str:
    """Return a fresh unpredictable password, to be shown once and changed at the first sign-in."""
    return password.one_time(secrets.choice)


def outdated(stored: str) -> bool:
    """Tell whether the hash was made with other parameters than today's."""
    return _HASHER.check_needs_rehash(stored)


@cache
def nobodys() -> str:
    """Return a hash that no password fits, for names that are none."""
    return _HASHER.hash(secrets.token_urlsafe(32))


@contextmanager
def _turn() -> Iterator[None]:
    if not _turns.acquire(timeout=WAIT_SECONDS):
        raise Unavailable("sign-in", "too many people sign in at once")
    try:
        yield
    finally:
        _turns.release()
