"""Pauses grow, have a ceiling, and are forgotten; a try is counted by what it says of who tries."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triage.domain.attempts import LIMITS, By, Tries, blocked, charge, counted_by, forgiven, place_of

PER_PAIR, PER_ACCOUNT = LIMITS[By.ACCOUNT_AND_ADDRESS], LIMITS[By.ACCOUNT]
NOW = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)


def test_a_few_mistakes_cost_nothing_and_then_the_pause_doubles() -> None:
    tries, pauses = Tries(), []
    for _ in range(9):
        tries = charge(tries, PER_PAIR, NOW)
        pauses.append((tries.until - NOW).total_seconds() if tries.until else 0)
    assert pauses == [0, 0, 0, 0, 30, 60, 120, 240, 480]


@given(st.integers(1, 5000))
def test_no_pause_outgrows_its_ceiling(count: int) -> None:
    for limit in LIMITS.values():
        tries = charge(Tries(count, NOW, None), limit, NOW)
        assert tries.until is None or tries.until - NOW <= limit.most


def test_guessing_all_day_stays_far_from_a_hundred_thousand_tries() -> None:
    tries, now, made = Tries(), NOW, 0
    while now < NOW + timedelta(days=1):
        if not blocked(tries, now):
            tries = charge(tries, PER_ACCOUNT, now)
            made += 1
        now = tries.until or now
    assert made < 115


def test_old_mistakes_are_forgotten_and_a_success_takes_one_back() -> None:
    tries = charge(Tries(40, NOW, NOW), PER_ACCOUNT, NOW + PER_ACCOUNT.memory + timedelta(seconds=1))
    assert tries.count == 1
    assert forgiven(Tries(3, NOW, NOW)) == Tries(2, NOW, None)


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff:ffff:ffff:ffff", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::1", "::/64"),
        ("", ""),
        ("not an address", "not an address"),
    ],
)
def test_one_host_of_ipv6_is_one_place(address: str, place: str) -> None:
    assert place_of(address) == place


def test_a_person_at_home_is_not_counted_with_strangers() -> None:
    stranger = counted_by("dr ito", "10.6.6.6", "", familiar=False)
    known = counted_by("dr ito", "10.0.0.9", "", familiar=True)
    assert set(stranger) == {By.ACCOUNT_AND_ADDRESS, By.ACCOUNT, By.ADDRESS}
    assert set(known) == {By.ACCOUNT_AND_ADDRESS} and known[By.ACCOUNT_AND_ADDRESS] not in stranger.values()
    assert counted_by("dr ito", "10.6.6.6", "ab12", familiar=False) == {By.SESSION: "ab12"}
