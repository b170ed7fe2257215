"""Changes of the worklist, from Postgres to every open page: one listener per process, one queue per page.

Promises: a page is told of every change, or told to read everything again; a slow page never holds up
the others; a lost database is said at once ("stale") and healed by itself ("resync"); no one reader, and not all
of them together, hold more feeds open than the site allows. Events carry row ids and versions, never a patient.
"""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Engine

from triage import log, metrics
from triage.domain.errors import Unavailable
from triage.store.listener import EVERYBODY, Listener

LOG = log.get(__name__)
QUEUE_EVENTS = 200
FIRST_PAUSE_S, MOST_PAUSE_S = 0.2, 5.0
# Changes that come closer together than this reach the page as one.
GATHER_S = 0.2
ALIVE_S = 10.0


class FeedKind(StrEnum):
    """What a page is told."""

    CHANGE = "change"
    STALE = "stale"
    RESYNC = "resync"
    ALIVE = "alive"
    END = "end"


@dataclass(frozen=True, slots=True)
class FeedEvent:
    """One message to the pages; `rows` are "study row id:version"."""

    kind: FeedKind
    rows: tuple[str, ...] = ()


class Full(StrEnum):
    """Why there is no room for one more feed."""

    READER = "reader"
    ALL = "all"


class Hub:
    """Hands each event to every open page; all methods belong to the event loop's thread."""

    def __init__(self, most: int, most_each: int) -> None:
        self._most = most
        self._most_each = most_each
        self._queues: set[asyncio.Queue[FeedEvent]] = set()
        self._held: Counter[str] = Counter()
        self._ended = False
        self.live = False

    def broadcast(self, event: FeedEvent) -> None:
        """Give the event to every page; one that lags is told to read everything again instead."""
        if event.kind is not FeedKind.CHANGE:
            self.live = event.kind is FeedKind.RESYNC
        for queue in self._queues:
            lags = queue.full()
            if lags:
                _empty(queue)
            queue.put_nowait(FeedEvent(FeedKind.RESYNC) if lags else event)

    def end(self) -> None:
        """Tell every page that this process stops."""
        self._ended = True
        self.broadcast(FeedEvent(FeedKind.END))

    def full(self, who: str) -> Full | None:
        """Return why there is no room for one more feed of theirs; None where there is. An unnamed one counts with all alone."""
        if who and self._held[who] >= self._most_each:
            return Full.READER
        return Full.ALL if len(self._queues) >= self._most else None

    async def events(self, who: str = "") -> AsyncGenerator[FeedEvent, None]:
        """Yield what happens from now on, changes gathered; first of all how the feed stands. Nothing when it is full."""
        if self.full(who):
            return
        queue: asyncio.Queue[FeedEvent] = asyncio.Queue(QUEUE_EVENTS)
        self._queues.add(queue)
        self._held[who] += 1
        metrics.SSE_CLIENTS.inc()
        try:
            yield FeedEvent(FeedKind.RESYNC if self.live else FeedKind.STALE)
            while not self._ended:
                event = await _next(queue)
                if event.kind is FeedKind.END:
                    return
                yield event
                await asyncio.sleep(GATHER_S)
                for gathered in _gather(queue):
                    yield gathered
        finally:
            self._queues.discard(queue)
            self._held[who] -= 1
            if not self._held[who]:
                del self._held[who]
            metrics.SSE_CLIENTS.dec()


async def _next(queue: asyncio.Queue[FeedEvent]) -> FeedEvent:
    """Return the next event; a quiet feed says that it is alive, so that a page notices a dead line."""
    try:
        async with asyncio.timeout(ALIVE_S):
            return await queue.get()
    except TimeoutError:
        return FeedEvent(FeedKind.ALIVE)


def _empty(queue: asyncio.Queue[FeedEvent]) -> list[FeedEvent]:
    return [queue.get_nowait() for _ in range(queue.qsize())]


def _gather(queue: asyncio.Queue[FeedEvent]) -> list[FeedEvent]:
    waiting = _empty(queue)
    rows = tuple(dict.fromkeys(row for event in waiting for row in event.rows))
    others = [event for event in waiting if event.kind in (FeedKind.STALE, FeedKind.RESYNC)][-1:]
    ended = any(event.kind is FeedKind.END for event in waiting)
    changes = [FeedEvent(FeedKind.CHANGE, rows)] if rows else []
    if ended:
        queue.put_nowait(FeedEvent(FeedKind.END))
    return [*changes, *others]


class Feed:
    """The thread that listens; it survives any outage of the database."""

    def __init__(self, engine: Engine, tell: Callable[[FeedEvent], None]) -> None:
        self._engine = engine
        self._tell = tell
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="worklist-feed", daemon=True)

    def start(self) -> None:
        """Begin to listen."""
        self._thread.start()

    def stop(self) -> None:
        """Stop listening and wait for the thread."""
        self._stop.set()
        self._thread.join(timeout=5)

    def _run(self) -> None:
        pause = FIRST_PAUSE_S
        while not self._stop.is_set():
            try:
                with Listener(self._engine) as listener:
                    pause = FIRST_PAUSE_S
                    # Whatever was notified while nobody listened is lost: every page reads again.
                    self._tell(FeedEvent(FeedKind.RESYNC))
                    self._listen(listener)
            except Unavailable as trouble:
                LOG.warning("feed-lost", reason=trouble.reason)
                self._tell(FeedEvent(FeedKind.STALE))
                self._stop.wait(pause)
                pause = min(MOST_PAUSE_S, pause * 2)

    def _listen(self, listener: Listener) -> None:
        while not self._stop.is_set():
            rows = tuple(dict.fromkeys(listener.changes(0.5)))
            if EVERYBODY in rows:  # a change of policy moved every study
                self._tell(FeedEvent(FeedKind.RESYNC))
            elif rows:
                self._tell(FeedEvent(FeedKind.CHANGE, rows))
