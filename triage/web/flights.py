"""One reading of the database for all who ask for the same at the same moment: a change makes a hundred pages ask.

Promise: whoever asks gets a value whose reading began after they asked, so that the answer to an act shows the act
and nobody sees less than a reading of their own would have shown. Nothing is kept once it was handed out.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from concurrent.futures import Future, wait
from typing import Generic, TypeVar

V = TypeVar("V")


class Flights(Generic[V]):
    """Readings by key; safe to use from every thread of the process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._under_way: dict[Hashable, Future[V]] = {}
        # What begins when the reading under way has ended; it takes along everybody who comes before that.
        self._boarding: dict[Hashable, Future[V]] = {}

    def get(self, key: Hashable, read: Callable[[], V]) -> V:
        """Return what a reading that begins from now on finds; raises what it raises."""
        with self._lock:
            before = self._under_way.get(key)
            mine = self._boarding.get(key) if before else None
            leads = mine is None
            if mine is None:
                mine = Future()
                (self._boarding if before else self._under_way)[key] = mine
        if leads:
            if before is not None:
                wait([before])
            self._fly(key, mine, read)
        return mine.result()

    def _fly(self, key: Hashable, flight: Future[V], read: Callable[[], V]) -> None:
        try:
            outcome = read()
        except BaseException as trouble:
            self._land(key)
            flight.set_exception(trouble)  # for the others aboard
            raise
        else:
            self._land(key)
            flight.set_result(outcome)

    def _land(self, key: Hashable) -> None:
        with self._lock:
            following = self._boarding.pop(key, None)
            if following is None:
                del self._under_way[key]
            else:
                self._under_way[key] = following
