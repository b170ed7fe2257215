"""Pictures of the page's states: nothing may keep anybody out of one, and each can be kept to be looked at."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Literal

from PIL import Image

from tests.web_browser import Seat

Theme = Literal["dark", "light"]
THEMES: tuple[Theme, Theme] = ("dark", "light")
COLOURS = 128


class Album:
    """Looks at a state in one theme; TRIAGE_TEST_PICTURES names a folder where the pictures stay."""

    def __init__(self, folder: Path, theme: str) -> None:
        self._folder = Path(os.environ.get("TRIAGE_TEST_PICTURES", folder))
        self._theme = theme

    def look(self, seat: Seat, name: str) -> None:
        """Look at what is on the screen now."""
        assert seat.barriers() == [], f"{name}, {self._theme}"
        path = self._folder / f"{name}-{self._theme}.png"
        seat.page.screenshot(path=path)
        assert path.stat().st_size > 8_000


def keep_small(taken: bytes, path: Path, height: int | None = None) -> None:
    """Keep a screenshot as a small file: a palette, and no more of the page than is of interest."""
    picture = Image.open(io.BytesIO(taken)).convert("RGB")
    if height is not None:
        picture = picture.crop((0, 0, picture.width, min(height, picture.height)))
    # The median cut would give the few pixels of a rare colour, a dot or a badge, to another colour.
    small = picture.quantize(COLOURS, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    small.save(path, optimize=True)
