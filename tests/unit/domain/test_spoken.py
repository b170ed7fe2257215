"""What a person typed becomes one line that can be kept."""

from __future__ import annotations

import pytest

from triage.domain.spoken import one_line


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("  surgeon \t waits\r\nbelow ", "surgeon waits below"),
        ("a\x00b", "a b"),
        ("\u202e\x1b[31m", "[31m"),
        (" \x00 ", ""),
        ("surgeon waits below the stairs", "surgeon waits below"),
    ],
)
def test_a_line_holds_what_can_be_printed_and_nothing_runs_together(typed: str, kept: str) -> None:
    assert one_line(typed, 19) == kept
