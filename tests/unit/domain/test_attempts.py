"""Pauses grow, have a ceiling, and are forgotten."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from triage.domain.attempts import PER_ACCOUNT, PER_ADDRESS, Tries, blocked, charge, forgiven

NOW = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)


def test_a_few_mistakes_cost_nothing_and_then_the_pause_doubles() -> None:
    tries, pauses = Tries(), []
    for _ in range(9):
        tries = charge(tries, PER_ACCOUNT, NOW)
        pauses.append((tries.until - NOW).total_seconds() if tries.until else 0)
    assert pauses == [0, 0, 0, 0, 30, 60, 120, 240, 480]


@given(st.integers(1, 5000))
def test_no_pause_outgrows_its_ceiling(count: int) -> None:
    for limit in (PER_ACCOUNT, PER_ADDRESS):
        tries = charge(Tries(count, NOW, None), limit, NOW)
        assert tries.until is None or tries.until - NOW <= limit.most


def test_guessing_all_day_stays_far_from_a_hundred_thousand_tries() -> None:
    tries, now, made = Tries(), NOW, 0
    while now < NOW + timedelta(days=1):
        if not blocked(tries, now):
            tries = charge(tries, PER_ACCOUNT, now)
            made += 1
        now = tries.until or now
    assert made < 110


def test_old_mistakes_are_forgotten_and_a_success_takes_one_back() -> None:
    tries = charge(Tries(40, NOW, NOW), PER_ACCOUNT, NOW + PER_ACCOUNT.memory + timedelta(seconds=1))
    assert tries.count == 1
    assert forgiven(Tries(3, NOW, NOW)) == Tries(2, NOW, None)
