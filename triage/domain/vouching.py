"""What somebody who vouches for people says, and the role that follows. Values only.

The site maps words (groups, roles) to our roles; a person gets the highest of theirs, and none without one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from triage.domain.account import Role
from triage.domain.errors import Refused

PEOPLE = (Role.VIEWER, Role.READER, Role.LEAD, Role.ADMIN)


def role_of(words: Iterable[str], roles: Mapping[str, str]) -> Role | None:
    """Return the highest role that one of the words maps to, None when none does."""
    found = [Role(roles[word]) for word in words if word in roles]
    return max(found, key=PEOPLE.index, default=None)


def words_of(claims: Mapping[str, Any], path: str) -> tuple[str, ...]:
    """Return the words of a claim: a list, or words apart by space or comma; dots in `path` lead inwards."""
    value: Any = claims.get(path)
    if value is None:
        value = claims
        for step in path.split("."):
            value = value.get(step) if isinstance(value, Mapping) else None
    if isinstance(value, str):
        return tuple(value.replace(",", " ").split())
    return tuple(word for word in value if isinstance(word, str)) if isinstance(value, (list, tuple)) else ()


def demand_signed_in_since(claims: Mapping[str, Any], asked_at: datetime, leeway: timedelta) -> None:
    """Raise Refused unless the claims say that the person signed in after we asked (OpenID Connect Core 1.0, 2: auth_time).

    `leeway` is how far the provider's clock may differ from the one that `asked_at` was read from.
    """
    signed_in = claims.get("auth_time")
    if isinstance(signed_in, bool) or not isinstance(signed_in, (int, float)):
        raise Refused(
            "auth-time",
            "The provider does not say when you signed in there, so nobody can tell that it was you just now. "
            "An admin has to let it send auth_time.",
        )
    if not signed_in >= (asked_at - leeway).timestamp():
        raise Refused(
            "auth-time",
            "The provider let you through without asking who you are. Sign out there, then sign in here again.",
        )
