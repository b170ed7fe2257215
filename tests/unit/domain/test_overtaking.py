"""The bound on overtaking as a line over the arrivals: the same as a counter on every row, and it holds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from triage.domain.overtaking import GuardShare, guard_line, limits, overtaken
from triage.domain.policy import OrderPolicy

START = datetime(2026, 11, 24, tzinfo=UTC)


def arrival(minutes: int) -> datetime:
    return START + timedelta(minutes=minutes)


@given(st.lists(st.integers(0, 500), max_size=60), st.integers(0, 500), st.integers(1, 12))
def test_a_study_is_behind_the_line_exactly_when_it_was_overtaken_k_times(
    opened: list[int], minutes: int, limit: int
) -> None:
    moments = [arrival(one) for one in opened]
    line = guard_line(moments, limit)
    behind = line is not None and arrival(minutes) < line
    assert behind == (overtaken(arrival(minutes), moments) >= limit)


@given(st.lists(st.tuples(st.floats(0, 1000), st.booleans()), min_size=1, max_size=120), st.integers(1, 6))
def test_nobody_is_overtaken_more_than_k_times_whatever_the_keys(
    steps: list[tuple[float, bool]], limit: int
) -> None:
    """A step is an arrival with its key, and perhaps an opening of the first of the order."""
    waiting: list[tuple[datetime, float]] = []
    opened: list[datetime] = []
    passed: dict[datetime, int] = {}
    for minute, (key, opens) in enumerate(steps):
        waiting.append((arrival(minute), key))
        if not opens:
            continue
        line = guard_line(opened, limit)
        guarded = [one for one in waiting if line is not None and one[0] < line]
        first = min(guarded) if guarded else min(waiting, key=lambda one: (one[1], one[0]))
        waiting.remove(first)
        opened.append(first[0])
        for moment, _ in waiting:
            passed[moment] = passed.get(moment, 0) + (moment < first[0])
    assert max(passed.values(), default=0) <= limit


def test_only_orders_that_a_result_can_change_need_a_bound() -> None:
    assert limits(OrderPolicy()) == {"HIGH": 20, "MEDIUM": 60, "ROUTINE": 60, "LOW": 60}
    assert limits(OrderPolicy(name="human")) == limits(OrderPolicy(name="fifo")) == {}


def test_the_alarm_needs_enough_openings_and_more_than_two_per_cent() -> None:
    assert not GuardShare(49, 49).alarming
    assert not GuardShare(500, 10).alarming
    assert GuardShare(500, 11).alarming
    assert GuardShare(0, 0).share == 0
