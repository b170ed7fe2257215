"""When the machine's order stops by itself, figure by figure."""

from __future__ import annotations

from dataclasses import replace

import pytest

from triage.domain.stop_rule import HarmFigures, WaitFigures, decide

BASE = WaitFigures(missed_p99=100.0, routine_p99=150.0, urgent_other_mean=20.0)
CALM = HarmFigures(days=7, studies=1000, actual=BASE, base=BASE)


def test_equal_waits_go_on() -> None:
    assert decide(CALM).stop is False


@pytest.mark.parametrize(
    ("figure", "most", "too_much"),
    [("missed_p99", 140.0, 141.0), ("routine_p99", 195.0, 196.0), ("urgent_other_mean", 24.0, 24.1)],
)
def test_a_wait_beyond_its_bound_stops_and_says_which(figure: str, most: float, too_much: float) -> None:
    assert not decide(replace(CALM, actual=replace(BASE, **{figure: most}))).stop
    stopped = decide(replace(CALM, actual=replace(BASE, **{figure: too_much})))
    assert stopped.stop
    assert "against" in stopped.reason and "replay" in stopped.reason


def test_too_little_is_never_a_reason() -> None:
    worse = replace(CALM, actual=replace(BASE, missed_p99=1000.0))
    assert decide(worse).stop
    assert not decide(replace(worse, days=6.5)).stop
    assert not decide(replace(worse, studies=99)).stop


def test_what_was_not_seen_is_not_judged_and_seconds_harm_nobody() -> None:
    assert not decide(replace(CALM, actual=replace(BASE, missed_p99=None))).stop
    tiny = replace(BASE, urgent_other_mean=0.1)
    assert not decide(HarmFigures(7, 1000, replace(BASE, urgent_other_mean=2.0), tiny)).stop
    assert not decide(replace(CALM, base=replace(BASE, missed_p99=float("nan")))).stop
