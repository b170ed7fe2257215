"""How this browser shows the page: theme, row height, names hidden or not.

A cookie of the browser, because it belongs to the monitor and the room; it holds words of ours alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from triage.web.labels import DENSITIES, THEMES

COOKIE = "triage_look"
YEAR_SECONDS = 365 * 86400
PRIVATE, OPEN = "private", "open"


@dataclass(frozen=True, slots=True)
class Look:
    """Theme, row height, and whether names are hidden."""

    theme: str = "system"
    density: str = "usual"
    private: bool = False

    @classmethod
    def read(cls, cookie: str | None) -> Self:
        """Return what the cookie says; anything that is not a word of ours is the usual."""
        theme, _, rest = (cookie or "").partition(".")
        density, _, names = rest.partition(".")
        return cls(
            theme if theme in THEMES else "system",
            density if density in DENSITIES else "usual",
            names == PRIVATE,
        )

    def cookie(self) -> str:
        """Return it as a cookie."""
        return f"{self.theme}.{self.density}.{PRIVATE if self.private else OPEN}"
