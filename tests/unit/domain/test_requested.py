"""What orders say of their priority, and what a later object may say."""

from __future__ import annotations

import pytest

from triage.domain.requested import RequestedPriority, more_pressing, raised, requested_priority


@pytest.mark.parametrize(
    ("spoken", "meant"),
    [
        ("STAT", "STAT"),
        (" stat ", "STAT"),
        ("S", "STAT"),
        ("HIGH", "HIGH"),
        ("ASAP", "HIGH"),
        ("R", "ROUTINE"),
        ("", "ROUTINE"),
        ("whatever", "ROUTINE"),
        ("LOW", "LOW"),
    ],
)
def test_what_an_order_says_becomes_a_defined_term(spoken: str, meant: str) -> None:
    assert requested_priority(spoken) == meant


def test_the_more_pressing_of_two_requests_counts_and_silence_asks_for_nothing() -> None:
    assert more_pressing(RequestedPriority.LOW, RequestedPriority.STAT) is RequestedPriority.STAT
    assert raised(RequestedPriority.LOW, "stat") is RequestedPriority.STAT
    assert raised(RequestedPriority.HIGH, "LOW") is RequestedPriority.HIGH
    for silent in ("", "  ", "whatever"):
        assert raised(RequestedPriority.LOW, silent) is RequestedPriority.LOW
