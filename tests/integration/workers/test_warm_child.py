"""The warm child dies, hangs, babbles and swells; its parent always gets an answer or a reason, in time."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from dataclasses import replace

import psutil
import pytest

from tests.integration.workers import children
from tests.integration.workers.cast import orders
from workers.child.warm import ChildDied, ChildHung, ModelsRejected, Orders, WarmChild, child_environment
from workers.child.wire import Message


def ask_about(study: str) -> Message:
    """Return the only part of a request that the tests' children look at."""
    return {"analyse": {"study_instance_uid": study}}


@pytest.fixture
def child(request: pytest.FixtureRequest) -> Iterator[WarmChild]:
    """A child of the deed that the test names, ended afterwards."""
    warm = WarmChild(orders(getattr(request, "param", "good")))
    yield warm
    warm.kill()


def test_one_child_answers_many_studies(child: WarmChild) -> None:
    assert all("reply" in child.ask(ask_about("2.25.1"), 10) for _ in range(3))
    assert child.starts == 1


def test_a_crash_is_named_by_its_signal_and_the_next_study_gets_a_new_child(child: WarmChild) -> None:
    with pytest.raises(ChildDied, match="SIGSEGV"):
        child.ask(ask_about(children.CRASH_UID), 30)
    assert child.pid is None
    assert "reply" in child.ask(ask_about("2.25.1"), 10)
    assert child.starts == 2


def test_a_study_that_hangs_ends_at_the_wall_clock_with_its_process(child: WarmChild) -> None:
    child.start()
    pid = child.pid
    assert pid is not None
    began = time.monotonic()
    with pytest.raises(ChildHung, match="within 1 seconds"):
        child.ask(ask_about(children.HANG_UID), 1.0)
    assert time.monotonic() - began < 5
    assert not psutil.pid_exists(pid)


def test_a_child_that_stops_reading_ends_at_the_wall_clock_too(child: WarmChild) -> None:
    child.start()
    assert child.pid is not None
    os.kill(child.pid, signal.SIGSTOP)
    with pytest.raises(ChildHung):
        child.ask({"analyse": {"study_instance_uid": "2.25.1" * 1_000_000}}, 1.0)
    assert child.pid is None


def test_the_parent_ticks_while_it_waits(child: WarmChild) -> None:
    ticks: list[float] = []
    child.start()
    with pytest.raises(ChildHung):
        child.ask(ask_about(children.HANG_UID), 3.5, lambda: ticks.append(time.monotonic()))
    assert len(ticks) >= 3


def test_a_tick_that_gives_up_takes_the_child_with_it(child: WarmChild) -> None:
    def give_up() -> None:
        raise KeyboardInterrupt

    child.start()
    with pytest.raises(KeyboardInterrupt):
        child.ask(ask_about(children.HANG_UID), 30, give_up)
    assert child.pid is None


@pytest.mark.parametrize("child", ["babble", "huge"], indirect=True)
def test_an_answer_that_is_no_frame_is_never_believed(child: WarmChild) -> None:
    with pytest.raises(ChildDied):
        child.ask(ask_about("2.25.1"), 10)
    assert child.pid is None


@pytest.mark.parametrize("child", ["stillborn"], indirect=True)
def test_a_child_that_dies_before_it_is_warm_is_told_with_its_exit_code(child: WarmChild) -> None:
    with pytest.raises(ChildDied, match="code 3"):
        child.start()


@pytest.mark.parametrize("child", ["rejected"], indirect=True)
def test_bundles_that_are_not_the_pinned_ones_are_told_as_such(child: WarmChild) -> None:
    with pytest.raises(ModelsRejected, match="SHA-256"):
        child.start()


def test_a_child_that_never_warms_up_is_given_up() -> None:
    warm = WarmChild(orders("never-warm", warm_seconds=1.0))
    with pytest.raises(ChildHung):
        warm.start()
    assert warm.pid is None


def test_a_child_that_holds_too_much_memory_is_replaced_before_the_next_study() -> None:
    greedy: Orders = replace(orders(), resident_limit_bytes=1)
    warm = WarmChild(greedy)
    try:
        assert "reply" in warm.ask(ask_about("2.25.1"), 10)
        assert "reply" in warm.ask(ask_about("2.25.1"), 10)
        assert warm.starts == 2
    finally:
        warm.kill()


def test_the_child_inherits_no_setting_and_no_secret() -> None:
    given = {
        "PATH": "/bin",
        "TRIAGE_DATABASE__URL": "postgresql://secret",
        "AWS_SECRET": "x",
        "HOME": "/root",
        "TZ": "Europe/Zurich",
    }
    # The clock's zone is no secret: the times in a result are the site's.
    assert child_environment(given) == {"PATH": "/bin", "HOME": "/root", "TZ": "Europe/Zurich"}
