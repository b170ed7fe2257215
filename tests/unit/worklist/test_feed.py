"""The hub: every page is told of every change, or told to read everything again."""

from __future__ import annotations

import asyncio

import pytest

from triage.worklist import feed
from triage.worklist.feed import FeedEvent, FeedKind, Full, Hub


def _change(*rows: str) -> FeedEvent:
    return FeedEvent(FeedKind.CHANGE, rows)


async def _take(hub: Hub, wanted: int) -> list[FeedEvent]:
    taken: list[FeedEvent] = []
    async for event in hub.events():
        taken.append(event)
        if len(taken) == wanted:
            break
    return taken


def test_a_page_is_first_told_how_the_feed_stands() -> None:
    async def story() -> list[FeedEvent]:
        hub = Hub(most=9, most_each=9)
        before = await _take(hub, 1)
        hub.broadcast(FeedEvent(FeedKind.RESYNC))
        return before + await _take(hub, 1)

    assert [event.kind for event in asyncio.run(story())] == [FeedKind.STALE, FeedKind.RESYNC]


def test_changes_that_come_close_together_reach_the_page_as_one() -> None:
    async def story() -> list[FeedEvent]:
        hub = Hub(most=9, most_each=9)
        listening = asyncio.create_task(_take(hub, 3))
        await asyncio.sleep(0)
        hub.broadcast(_change("1:1"))
        await asyncio.sleep(0.05)
        for rows in ("2:1", "3:1", "2:1"):
            hub.broadcast(_change(rows))
        return await listening

    events = asyncio.run(story())
    assert [event.rows for event in events[1:]] == [("1:1",), ("2:1", "3:1")]


def test_a_page_that_lags_is_told_to_read_everything_and_holds_up_nobody() -> None:
    async def story() -> list[FeedEvent]:
        hub = Hub(most=9, most_each=9)
        slow = hub.events()
        await anext(slow)
        lagging = asyncio.ensure_future(anext(slow))
        await asyncio.sleep(0)
        for number in range(feed.QUEUE_EVENTS + 1):
            hub.broadcast(_change(f"{number}:1"))
        return [await lagging]

    assert [event.kind for event in asyncio.run(story())] == [FeedKind.RESYNC]


def test_an_open_feed_ends_at_once_when_the_process_stops() -> None:
    async def story() -> list[FeedEvent]:
        hub = Hub(most=9, most_each=9)
        listening = asyncio.create_task(_take(hub, 99))
        await asyncio.sleep(0.01)
        hub.end()
        return await asyncio.wait_for(listening, 1)

    assert len(asyncio.run(story())) == 1


def test_a_quiet_feed_says_that_it_is_alive(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed, "ALIVE_S", 0.01)
    assert asyncio.run(_take(Hub(most=9, most_each=9), 2))[1].kind is FeedKind.ALIVE


def test_no_reader_and_not_all_of_them_hold_more_feeds_than_the_site_allows() -> None:
    async def story() -> list[Full | None]:
        hub = Hub(most=4, most_each=2)
        open_feeds = [hub.events(who) for who in ("Dr A", "Dr A", "", "")]
        said = []
        for one in open_feeds:
            said.append(hub.full("Dr A"))
            await anext(one)
        said += [hub.full("Dr A"), hub.full("Dr B"), hub.full("")]
        assert [event async for event in hub.events("Dr B")] == [], "one that slips between gets nothing"
        await open_feeds[0].aclose()
        return [*said, hub.full("Dr A"), hub.full("Dr B")]

    full = [None, None, Full.READER, Full.READER, Full.READER, Full.ALL, Full.ALL, None, None]
    assert asyncio.run(story()) == full
