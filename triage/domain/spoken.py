"""What a person typed, as it is kept: one line that can be printed, of a bounded length."""

from __future__ import annotations


def one_line(typed: str, most: int) -> str:
    """Return at most `most` letters of it; what cannot be printed parts words (and Postgres holds no NUL)."""
    printable = "".join(letter if letter.isprintable() else " " for letter in typed)
    return " ".join(printable.split())[:most]
