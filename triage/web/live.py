"""The live feed as Server-Sent Events: which rows changed, never what is in them.

Refuses one more than the site allows, in total (503) or to one reader (429); the page says so and goes on by
asking for the list now and then. A browser may ask with HEAD whether there is room, because what EventSource is
refused with no script can see.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import dataclass

from fastapi import APIRouter, Request
from fastapi.responses import PlainTextResponse, Response
from sse_starlette import EventSourceResponse, ServerSentEvent

from triage import metrics
from triage.domain.errors import Refused, Unavailable
from triage.web.reader import Reader
from triage.web.room import room
from triage.worklist.feed import Full

router = APIRouter()
# A feed may stay open for a shift; its session may end before.
LOOK_AGAIN_SECONDS = 30.0
# Who still asks: by the way they were let in, whatever else their request holds.
Again = Callable[[Request, Reader], Reader]
ASK_AGAIN_SECONDS = 30
FULL = {
    Full.READER: (429, "You have as many live pages open as one reader may. Close one."),
    Full.ALL: (503, "As many live pages are open as this site allows."),
}


@dataclass(frozen=True, slots=True)
class NoRoom:
    """Why there is no feed for somebody, and when to ask again."""

    status: int
    sentence: str
    headers: dict[str, str]


@router.get("/feed")
async def feed(request: Request) -> Response:
    """Stream `change`, `stale`, `resync` and `alive` until the browser, its session or this process goes."""
    here = room(request)
    reader = here.reader(request)
    refused = no_room(request, reader)
    if refused:
        return PlainTextResponse(refused.sentence, refused.status, headers=refused.headers)
    return stream(request, reader, here.door.again)


@router.head("/feed")
async def ask_for_room(request: Request) -> Response:
    """Say whether there is room for a feed."""
    refused = no_room(request, room(request).reader(request))
    return (
        Response(status_code=refused.status, headers=refused.headers)
        if refused
        else Response(status_code=204)
    )


def no_room(request: Request, reader: Reader) -> NoRoom | None:
    """Return why there is no feed for this reader, None where there is room. For the event loop's thread alone."""
    full = room(request).hub.full(_seat(reader))
    if full is None:
        return None
    if request.method == "GET":
        metrics.SSE_REFUSED.labels(full).inc()
    status, sentence = FULL[full]
    return NoRoom(status, sentence, {"retry-after": str(ASK_AGAIN_SECONDS), "x-no-room": full})


def stream(request: Request, reader: Reader, again: Again) -> EventSourceResponse:
    """Return the feed as an answer to whoever was let in; `again` asks whether they still are."""
    return EventSourceResponse(_events(request, reader, again), ping=15, headers={"x-accel-buffering": "no"})


def _seat(reader: Reader) -> str:
    # A name that nobody vouches for is anybody's: it must not use up somebody else's feeds.
    return reader.name if reader.vouched else ""


async def _events(request: Request, reader: Reader, again: Again) -> AsyncIterator[ServerSentEvent]:
    looked = time.monotonic()
    # Closed at once however this ends: what is held counts against the limits.
    async with aclosing(room(request).hub.events(_seat(reader))) as events:
        async for event in events:
            if time.monotonic() - looked > LOOK_AGAIN_SECONDS:
                looked = time.monotonic()
                if not await asyncio.to_thread(_still_welcome, request, reader, again):
                    return
            said = json.dumps({"rows": event.rows, "time": round(time.time(), 1)})
            yield ServerSentEvent(said, event=event.kind, retry=2000)


def _still_welcome(request: Request, reader: Reader, again: Again) -> bool:
    """Tell whether whoever opened this feed may still look; a database away ends nothing."""
    try:
        return again(request, reader).name == reader.name
    except Refused:
        return False
    except Unavailable:
        return True
