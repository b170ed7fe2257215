"""One reading of the database for all who ask for the same at the same moment: a change makes a hundred pages ask.

Promise: whoever asks gets a value whose reading began after they asked, so that the answer to an act shows the act
and nobody sees less than a reading of their own would have shown. Nothing is kept once it was handed out.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

V = TypeVar("V")


class _Flight(Generic[V]):
    """One reading: it takes along everybody who came before it began."""

    def __init__(self) -> None:
        self.landed = threading.Event()
        self.value: V | None = None
        self.trouble: BaseException | None = None

    def result(self) -> V:
        self.landed.wait()
        if self.trouble is not None:
            raise self.trouble
        assert self.value is not None
        return self.value


class Flights(Generic[V]):
    """Readings by key; safe to use from every thread of the process. A reading never returns None."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._under_way: dict[Hashable, _Flight[V]] = {}
        self._boarding: dict[Hashable, _Flight[V]] = {}

    def get(self, key: Hashable, read: Callable[[], V]) -> V:
        """Return what a reading that begins from now on finds; raises what it raises."""
        with self._lock:
            before = self._under_way.get(key)
            mine = self._boarding.get(key) if before else None
            leads = mine is None
            if mine is None:
                mine = _Flight()
                (self._boarding if before else self._under_way)[key] = mine
        if leads:
            if before is not None:
                before.landed.wait()
            self._fly(key, mine, read)
        return mine.result()

    def _fly(self, key: Hashable, flight: _Flight[V], read: Callable[[], V]) -> None:
        try:
            flight.value = read()
        except BaseException as trouble:
            flight.trouble = trouble
            raise
        finally:
            with self._lock:
                following = self._boarding.pop(key, None)
                if following is None:
                    del self._under_way[key]
                else:
                    self._under_way[key] = following
            flight.landed.set()
