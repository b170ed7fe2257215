"""Who may do what: roles, rights, and the names people sign in with. Values and tables only.

viewer < reader < lead < admin; `service` is a machine with an API token, whose scope narrows the table
further. Refuses names that could pass for a machine or for the product itself.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from triage.domain.errors import Refused

NAME_LENGTH = 64
RESERVED = frozenset({"system", "triage", "unknown", "nobody"})
# An actor with this prefix is an API token, never a person: names of people hold no colon.
SERVICE_PREFIX = "service:"


class Role(StrEnum):
    """What an account is here for; the first four each include what those before them may."""

    VIEWER = "viewer"
    READER = "reader"
    LEAD = "lead"
    ADMIN = "admin"
    SERVICE = "service"


class Scope(StrEnum):
    """How far an API token reaches."""

    READ = "read"
    ACT = "act"


class Right(StrEnum):
    """Everything that a role may or may not do, as the refusal names it."""

    LOOK = "look at the list"
    ARRANGE = "arrange the list"
    NEXT = "take the next study"
    CLAIM = "claim"
    RELEASE = "release"
    COMPLETE = "mark as read"
    REOPEN = "reopen"
    PIN = "pin"
    UNPIN = "unpin"
    CANCEL = "take a study off the list"
    SKIP = "skip"
    OPINE = "give an opinion"
    NOTE = "write a note"
    LABEL = "set a label"
    SHARE = "share a view"
    END_CLAIM = "end another reader's claim"
    LOWER = "move a study down"
    STOP_POLICY = "stop the policy"
    REQUEUE = "ask for an analysis again"
    OPERATIONS = "look at the operations page"
    USERS = "look after accounts"


_Y, _N = True, False
_ROWS: dict[Right, tuple[bool, ...]] = {
    #                  VIEWER READER LEAD ADMIN SERVICE
    Right.LOOK: (_Y, _Y, _Y, _Y, _Y),
    Right.ARRANGE: (_Y, _Y, _Y, _Y, _N),
    Right.NEXT: (_N, _Y, _Y, _Y, _Y),
    Right.CLAIM: (_N, _Y, _Y, _Y, _Y),
    Right.RELEASE: (_N, _Y, _Y, _Y, _Y),
    Right.COMPLETE: (_N, _Y, _Y, _Y, _Y),
    Right.REOPEN: (_N, _Y, _Y, _Y, _Y),
    Right.PIN: (_N, _Y, _Y, _Y, _Y),
    Right.UNPIN: (_N, _Y, _Y, _Y, _Y),
    Right.CANCEL: (_N, _Y, _Y, _Y, _Y),
    Right.SKIP: (_N, _Y, _Y, _Y, _N),
    Right.OPINE: (_N, _Y, _Y, _Y, _N),
    Right.NOTE: (_N, _Y, _Y, _Y, _N),
    Right.LABEL: (_N, _Y, _Y, _Y, _Y),
    Right.SHARE: (_N, _Y, _Y, _Y, _N),
    Right.END_CLAIM: (_N, _N, _Y, _Y, _N),
    Right.LOWER: (_N, _N, _Y, _Y, _N),
    Right.STOP_POLICY: (_N, _N, _Y, _Y, _N),
    Right.REQUEUE: (_N, _N, _N, _Y, _N),
    Right.OPERATIONS: (_N, _N, _Y, _Y, _N),
    Right.USERS: (_N, _N, _N, _Y, _N),
}
PERMITTED: dict[tuple[Role, Right], bool] = {
    (role, right): row[column] for right, row in _ROWS.items() for column, role in enumerate(Role)
}
_ONLY_LOOKS = frozenset({Right.LOOK})


def may(role: Role, right: Right, scope: Scope | None = None) -> bool:
    """Tell whether the role may do it; a token of scope `read` only looks."""
    if scope is Scope.READ and right not in _ONLY_LOOKS:
        return False
    return PERMITTED[(role, right)]


def reach_of(scope: Scope, maker: Role | None) -> Scope:
    """Return how far a token goes: to its scope, and no further than its maker now; without an account, its scope."""
    if maker is None or scope is Scope.READ:
        return scope
    acts = (right for right in Right if PERMITTED[(Role.SERVICE, right)])
    return Scope.ACT if all(may(maker, right) for right in acts) else Scope.READ


def demand(role: Role, right: Right, scope: Scope | None = None) -> None:
    """Raise Refused, saying whom to ask, unless the role may do it."""
    if may(role, right, scope):
        return
    if scope is Scope.READ:
        raise Refused("scope", f"This token may only read: it cannot {right}.")
    whom = next(other for other in Role if PERMITTED[(other, right)])
    raise Refused("role", f"Your role ({role}) cannot {right}. Ask {_article(whom)} {whom}.")


def _article(role: Role) -> str:
    return "an" if role is Role.ADMIN else "a"


def person_name(spoken: str) -> str:
    """Return a person's name as it is shown and audited; raises Refused when it is none."""
    name = unicodedata.normalize("NFC", " ".join(spoken.split()))
    printable = all(unicodedata.category(letter)[0] in "LMNPS" or letter == " " for letter in name)
    key = name_key(name)  # a full-width colon or word must not pass either
    if not 1 <= len(name) <= NAME_LENGTH or not printable or ":" in key or key in RESERVED:
        raise Refused("reader-name", f"a reader's name has 1 to {NAME_LENGTH} letters")
    return name


def name_key(name: str) -> str:
    """Return what two names must differ in: neither case nor width tells two people apart."""
    return unicodedata.normalize("NFKC", " ".join(name.split())).casefold()


def parse_role(spoken: str) -> Role:
    """Return a person's role; raises Refused for anything else, `service` included."""
    if spoken not in set(Role) or spoken == Role.SERVICE:
        raise Refused("role", "a person's role is viewer, reader, lead or admin")
    return Role(spoken)


@dataclass(frozen=True, slots=True)
class Account:
    """One person's account. `origin` is who vouches for them: local, oidc or proxy."""

    id: int
    name: str
    role: Role
    origin: str
    must_change: bool
    disabled: bool
    created_at: datetime
    password_set_at: datetime | None
    last_sign_in_at: datetime | None


@dataclass(frozen=True, slots=True)
class Token:
    """An API token as it is listed; its secret is known to whoever was shown it, and to nobody else.

    `scope` is what it was made for, `reach` how far it goes now: None where its maker's account is closed.
    """

    id: int
    name: str
    scope: Scope
    created_by: str
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None
    reach: Scope | None

    @property
    def actor(self) -> str:
        """Return the name its acts are audited under."""
        return f"{SERVICE_PREFIX}{self.name}"
