"""The bound on overtaking as a line over the arrivals, class by class: the same as a counter on every row, and it holds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import settings as trials
from hypothesis import strategies as st

from triage.domain.overtaking import (
    GuardShare,
    counts,
    guard_line,
    limits,
    overtaken,
    overtaken_by,
    overtakers,
)
from triage.domain.policy import OrderPolicy, PolicyName
from triage.domain.requested import RequestedPriority

START = datetime(2026, 11, 24, tzinfo=UTC)
CLASSES: list[RequestedPriority] = [one for one in RequestedPriority if one is not RequestedPriority.STAT]


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


@trials(deadline=None)
@given(
    st.lists(
        st.tuples(st.floats(0, 1000), st.booleans(), st.sampled_from(CLASSES)), min_size=1, max_size=120
    ),
    st.fixed_dictionaries({one: st.integers(1, 6) for one in CLASSES}),
)
def test_nobody_is_overtaken_more_than_k_times_whatever_the_keys(
    steps: list[tuple[float, bool, RequestedPriority]], most: dict[RequestedPriority, int]
) -> None:
    """A step is an arrival with its key and class, and perhaps an opening of the first of the order."""
    waiting: list[tuple[datetime, float, RequestedPriority]] = []
    opened: list[tuple[datetime, RequestedPriority]] = []
    passed: dict[datetime, int] = {}
    for minute, (key, opens, requested) in enumerate(steps):
        waiting.append((arrival(minute), key, requested))
        passed[arrival(minute)] = 0
        if not opens:
            continue
        lines = {
            one: guard_line((at for at, other in opened if other in overtakers(one)), most[one])
            for one in CLASSES
        }
        guarded = [one for one in waiting if (line := lines[one[2]]) is not None and one[0] < line]
        first = min(guarded) if guarded else min(waiting, key=lambda one: (one[1], one[0]))
        waiting.remove(first)
        opened.append((first[0], first[2]))
        for moment, _, waits in waiting:
            passed[moment] += moment < first[0] and waits in overtaken_by(first[2])
            assert passed[moment] <= most[waits]


def test_a_more_pressing_class_overtakes_nobody_and_a_less_pressing_one_does() -> None:
    assert overtakers("ROUTINE") == (RequestedPriority.ROUTINE, RequestedPriority.LOW)
    assert RequestedPriority.ROUTINE in overtakers("HIGH") and RequestedPriority.HIGH in overtakers("HIGH")
    for one in RequestedPriority:
        assert all((one in overtakers(other)) == (other in overtaken_by(one)) for other in RequestedPriority)


def test_under_an_order_that_no_answer_changes_nothing_counts() -> None:
    counted = {name for name in PolicyName if counts(OrderPolicy(name=name))}
    assert counted == {PolicyName.FLAG, PolicyName.SENIORITY}


def test_only_orders_that_a_result_can_change_need_a_bound() -> None:
    assert limits(OrderPolicy()) == {"HIGH": 20, "MEDIUM": 60, "ROUTINE": 60, "LOW": 60}
    assert limits(OrderPolicy(name="human")) == limits(OrderPolicy(name="fifo")) == {}


def test_the_alarm_needs_enough_openings_and_more_than_two_per_cent() -> None:
    assert not GuardShare(49, 49).alarming
    assert not GuardShare(500, 10).alarming
    assert GuardShare(500, 11).alarming
    assert GuardShare(0, 0).share == 0
