"""Notes and labels, under the site's list of labels: the same acts for the page and for anything else.

Logged by number and by the label's word; never a note's text, which may hold patient data.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from sqlalchemy import Engine

from triage import log
from triage.config import Settings
from triage.domain.marks import known_label, label_word
from triage.store import marks

LOG = log.get(__name__)


@dataclass(frozen=True, slots=True)
class Marks:
    """What people leave on studies; `labels` are the site's words and their colours, in its order."""

    engine: Engine
    labels: dict[str, str]

    @classmethod
    def of(cls, settings: Settings, engine: Engine) -> Self:
        """Return the marks this site's settings know."""
        return cls(engine, {label.word: label.colour for label in settings.worklist.labels})

    def write(self, study_id: int, reader: str, text: str) -> int:
        """Put a note on the study; returns its number. Raises Refused, NotFound."""
        number = marks.write(self.engine, study_id, reader, text)
        LOG.info("note-write", study=study_id, note=number)
        return number

    def withdraw(self, study_id: int, number: int, reader: str, *, anybodys: bool = False) -> None:
        """Take a note away; raises Refused for somebody else's unless `anybodys`, NotFound, Conflict."""
        marks.withdraw(self.engine, study_id, number, reader, anybodys=anybodys)
        LOG.info("note-withdraw", study=study_id, note=number)

    def restore(self, study_id: int, number: int, reader: str, *, anybodys: bool = False) -> None:
        """Undo `withdraw`."""
        marks.restore(self.engine, study_id, number, reader, anybodys=anybodys)
        LOG.info("note-restore", study=study_id, note=number)

    def set(self, study_id: int, label: str, reader: str) -> None:
        """Put a label of the site's list on the study; raises Refused for any other word, NotFound."""
        marks.set_label(self.engine, study_id, known_label(label, self.labels), reader)
        LOG.info("label-set", study=study_id, label=label)

    def clear(self, study_id: int, label: str, reader: str) -> None:
        """Take a label off, also one that the site no longer has; without it nothing happens. Raises Refused."""
        marks.clear_label(self.engine, study_id, label_word(label), reader)
        LOG.info("label-clear", study=study_id)
