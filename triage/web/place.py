"""Where on the page a reader is, and what an act has to say there. Addresses hold opaque ids alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import Depends, Form

from triage.domain.worklist import Tab


@dataclass(frozen=True, slots=True)
class Undo:
    """How an act is taken back: the address to post to, and what the form carries."""

    address: str
    fields: Mapping[str, str | int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Message:
    """What an act has to say, and how it can be taken back."""

    text: str = ""
    trouble: bool = False
    undo: Undo | None = None


SILENT = Message()


@dataclass(frozen=True, slots=True)
class Where:
    """Which part of the list the reader looks at, which study is open beside it, what it is narrowed to."""

    tab: Tab = Tab.UNREAD
    study: int | None = None
    q: str = ""

    @property
    def query(self) -> str:
        """Return it as an address: opaque ids, never a patient."""
        named = {"tab": str(self.tab), "q": self.q, "study": self.study}
        return "?" + urlencode({name: value for name, value in named.items() if value not in ("", None)})

    @property
    def address(self) -> str:
        """Return the address of this place."""
        return f"/{self.query}"

    def to(self, **changes: Any) -> str:
        """Return the address of another place on the page."""
        return replace(self, **changes).address


Token = Annotated[str, Form()]


def carried(
    tab: Annotated[Tab, Form()] = Tab.UNREAD,
    study: Annotated[int | None, Form()] = None,
    q: Annotated[str, Form(max_length=32, pattern=r"^[A-Za-z0-9_-]*$")] = "",
) -> Where:
    """Return where the reader was, as every form carries it (the macro of the same name in parts.html)."""
    return Where(tab, study, q)


Carried = Annotated[Where, Depends(carried)]
