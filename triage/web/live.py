"""The live feed as Server-Sent Events: which rows changed, never what is in them."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable

from fastapi import APIRouter, Request
from sse_starlette import EventSourceResponse, ServerSentEvent

from triage.domain.errors import Refused, Unavailable
from triage.web.reader import Reader
from triage.web.room import room

router = APIRouter()
# A feed may stay open for a shift; its session may end before.
LOOK_AGAIN_SECONDS = 30.0
# Who still asks: by the way they were let in, whatever else their request holds.
Again = Callable[[Request, Reader], Reader]


@router.get("/feed")
def feed(request: Request) -> EventSourceResponse:
    """Stream `change`, `stale`, `resync` and `alive` until the browser, its session or this process goes."""
    here = room(request)
    return stream(request, here.reader(request), here.door.again)


def stream(request: Request, reader: Reader, again: Again) -> EventSourceResponse:
    """Return the feed as an answer to whoever was let in; `again` asks whether they still are."""
    return EventSourceResponse(_events(request, reader, again), ping=15, headers={"x-accel-buffering": "no"})


async def _events(request: Request, reader: Reader, again: Again) -> AsyncIterator[ServerSentEvent]:
    looked = time.monotonic()
    async for event in room(request).hub.events():
        if time.monotonic() - looked > LOOK_AGAIN_SECONDS:
            looked = time.monotonic()
            if not await asyncio.to_thread(_still_welcome, request, reader, again):
                return
        yield ServerSentEvent(
            json.dumps({"rows": event.rows, "time": round(time.time(), 1)}), event=event.kind, retry=2000
        )


def _still_welcome(request: Request, reader: Reader, again: Again) -> bool:
    """Tell whether whoever opened this feed may still look; a database away ends nothing."""
    try:
        return again(request, reader).name == reader.name
    except Refused:
        return False
    except Unavailable:
        return True
