"""API tokens as secrets: 256 random bits behind a prefix that scanners of repositories know to look for."""

from __future__ import annotations

import hashlib
import secrets

PREFIX = "spinetriage_"
BYTES = 32


def fresh() -> str:
    """Return a token, to be shown once."""
    return PREFIX + secrets.token_urlsafe(BYTES)


def digest_of(token: str) -> bytes:
    """Return under which digest a token is kept: a random one needs no slow hash."""
    return hashlib.sha256(token.encode()).digest()


def bearer(header: str) -> str:
    """Return the token of an Authorization header (RFC 6750 2.1); empty when it is none of ours."""
    scheme, _, token = header.strip().partition(" ")
    token = token.strip()
    return token if scheme.lower() == "bearer" and token.startswith(PREFIX) else ""
