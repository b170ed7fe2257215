"""One reading for all who ask at once: never an older one than a reading of one's own would have been."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from triage.web.flights import Flights


def test_whoever_asks_while_a_reading_is_under_way_gets_the_one_after_it() -> None:
    flights: Flights[int] = Flights()
    began = threading.Event()
    go_on = threading.Event()
    readings: list[float] = []

    def read() -> int:
        readings.append(time.monotonic())
        if len(readings) == 1:
            began.set()
            assert go_on.wait(10)
        return len(readings)

    with ThreadPoolExecutor(9) as people:
        first = people.submit(flights.get, "list", read)
        assert began.wait(10)
        late = [people.submit(flights.get, "list", read) for _ in range(8)]
        time.sleep(0.2)
        assert len(readings) == 1, "nobody reads beside the first"
        go_on.set()
        assert first.result(10) == 1
        assert {one.result(10) for one in late} == {2}
    assert len(readings) == 2


def test_no_reading_began_before_it_was_asked_for() -> None:
    flights: Flights[float] = Flights()

    def read() -> float:
        began = time.monotonic()
        time.sleep(0.002)
        return began

    def ask(_: int) -> bool:
        asked = time.monotonic()
        return flights.get("list", read) >= asked

    with ThreadPoolExecutor(16) as people:
        assert all(people.map(ask, range(400)))


def test_different_lists_do_not_wait_for_each_other() -> None:
    flights: Flights[str] = Flights()
    inside = threading.Barrier(2, timeout=10)

    def read(name: str) -> str:
        inside.wait()
        return name

    with ThreadPoolExecutor(2) as people:
        found = [people.submit(flights.get, name, partial(read, name)) for name in ("all", "unread")]
        assert [one.result(10) for one in found] == ["all", "unread"]


def test_a_reading_that_fails_fails_for_all_who_shared_it_and_for_nobody_else() -> None:
    flights: Flights[int] = Flights()
    answers = [7, None]

    def read() -> int:
        said = answers.pop()
        if said is None:
            raise OSError("away")
        return said

    with pytest.raises(OSError, match="away"):
        flights.get("list", read)
    assert flights.get("list", read) == 7
