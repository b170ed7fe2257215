"""Why somebody is not let in: they have not signed in, their page is locked, they must choose a password."""

from __future__ import annotations

from enum import StrEnum

from triage.domain.errors import Refused
from triage.web.reader import NOBODY, Reader


class Why(StrEnum):
    """What stands between somebody and the page."""

    SIGN_IN = "sign-in"
    LOCKED = "locked"
    PASSWORD = "password-change"  # the page's name, no secret
    ROLE = "no-role"


WORDS = {
    Why.SIGN_IN: "Sign in first.",
    Why.LOCKED: "This page is locked. Give your password again.",
    Why.PASSWORD: "Choose a password of your own first.",
    Why.ROLE: "Nobody gave you a role here. Ask an admin.",
}


class TurnedAway(Refused):
    """Somebody whom `admitted` does not let in, with what they have to do."""

    def __init__(self, why: Why, reader: Reader = NOBODY, sentence: str = "") -> None:
        super().__init__(why, sentence or WORDS[why])
        self.why = why
        self.reader = reader
