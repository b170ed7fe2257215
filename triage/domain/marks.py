"""What people leave on a study without moving it: notes in their own words, and labels of the site's own.

A note may hold patient data, so its text goes from the form to the database and to a reader's eyes, nowhere
else: not into logs, the audit trail, addresses or events. A label is a word of the site's list, never free text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from triage.domain.errors import Refused

NOTE_LENGTH = 500
MOST_LABELS = 12
_WORD = re.compile(r"[a-z0-9][a-z0-9 -]{0,22}[a-z0-9]")


@dataclass(frozen=True, slots=True)
class Note:
    """One note as it stands on a study."""

    id: int
    reader: str
    text: str
    at: datetime


def note_text(spoken: str) -> str:
    """Return a note's text, lines kept, without what cannot be printed; raises Refused when none is left."""
    lines = ("".join(filter(str.isprintable, line)).rstrip() for line in spoken.splitlines())
    text = "\n".join(lines).strip()
    if not text or len(text) > NOTE_LENGTH:
        raise Refused("note", f"A note has 1 to {NOTE_LENGTH} letters")
    return text


def known_label(word: str, known: Iterable[str]) -> str:
    """Return a label of the site's list; raises Refused for any other word."""
    words = tuple(known)
    if word not in words:
        told = ", ".join(words) or "none"
        raise Refused("label", f"There is no such label here. The labels are: {told}.")
    return word


def label_word(spoken: str) -> str:
    """Return a label's word; raises Refused when it is none: logs and the audit hold it, so letters are plain."""
    if not _WORD.fullmatch(spoken):
        raise Refused("label", "A label has 2 to 24 small letters, digits, spaces or hyphens")
    return spoken
