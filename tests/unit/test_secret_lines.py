"""What a program says that tells secrets is shown to the person and kept in no file."""

from __future__ import annotations

import io
from pathlib import Path

from triage.supervisor.stream import Console, Lines, LogFile


def test_a_secret_is_shown_and_not_kept(tmp_path: Path) -> None:
    shown = io.StringIO()
    console = Console(shown, logs=False)
    kept = LogFile(tmp_path / "a.log")
    Lines("people", None, console, plain=True).feed(b"password once: abcd\n")
    Lines("story", kept, console, plain=True).feed(b"sent\n")
    kept.close()
    assert shown.getvalue() == "password once: abcd\nsent\n"
    assert (tmp_path / "a.log").read_text() == "sent\n"
