"""A peer that is away is left alone longer and longer, asked by C-ECHO, and trusted after one send."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from triage.evidence.breaker import Backoff, Breaker, BreakerState

BACKOFF = Backoff(first_s=5.0, most_s=600.0)


def fallen(times: int, now: float = 0.0) -> Breaker:
    breaker = Breaker(BACKOFF, threshold=3)
    for _ in range(times):
        breaker = breaker.failed(now, dice=0.0)
    return breaker


def test_the_wait_doubles_from_five_seconds_to_ten_minutes() -> None:
    waits = [BACKOFF.delay(failures, dice=0.0) for failures in range(1, 10)]
    assert waits == [5, 10, 20, 40, 80, 160, 320, 600, 600]


@given(st.integers(1, 10**9), st.floats(0, 1, exclude_max=True))
def test_jitter_takes_up_to_a_quarter_off_and_never_adds(failures: int, dice: float) -> None:
    whole = BACKOFF.delay(failures, 0.0)
    assert 0.75 * whole <= BACKOFF.delay(failures, dice) <= whole <= BACKOFF.most_s


def test_the_breaker_opens_after_the_third_failure_in_a_row() -> None:
    assert [fallen(times).state for times in (1, 2, 3)] == ["closed", "closed", "open"]


def test_a_success_between_failures_keeps_the_breaker_closed() -> None:
    assert fallen(2).succeeded().failed(0.0, 0.0).state is BreakerState.CLOSED


def test_an_echo_lets_one_send_decide_and_a_failed_one_waits_longer_than_before() -> None:
    trial = fallen(3).echoed()
    assert trial.state is BreakerState.TRIAL and trial.wait(0.0) == 0.0
    again = trial.failed(0.0, dice=0.0)
    assert again.state is BreakerState.OPEN and again.wait(0.0) == 40.0
    assert trial.succeeded() == Breaker(BACKOFF, 3)


def test_the_wait_is_by_the_given_clock() -> None:
    breaker = fallen(1, now=100.0)
    assert [breaker.wait(now) for now in (100.0, 103.0, 105.0, 200.0)] == [5.0, 2.0, 0.0, 0.0]
