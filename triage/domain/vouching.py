"""What somebody who vouches for people says, and the role that follows. Values only.

The site maps words (groups, roles) to our roles; a person gets the highest of theirs, and none without one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from triage.domain.account import Role

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
