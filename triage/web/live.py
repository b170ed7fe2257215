"""The live feed as Server-Sent Events: which rows changed, never what is in them."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator

from fastapi import APIRouter, Request
from sse_starlette import EventSourceResponse, ServerSentEvent

from triage.domain.errors import Refused, Unavailable
from triage.web.room import room

router = APIRouter()
# A feed may stay open for a shift; its session may end before.
LOOK_AGAIN_SECONDS = 30.0


@router.get("/feed")
async def feed(request: Request) -> EventSourceResponse:
    """Stream `change`, `stale`, `resync` and `alive` until the browser or this process goes."""
    return EventSourceResponse(_events(request), ping=15, headers={"x-accel-buffering": "no"})


async def _events(request: Request) -> AsyncIterator[ServerSentEvent]:
    looked = time.monotonic()
    async for event in room(request).hub.events():
        if time.monotonic() - looked > LOOK_AGAIN_SECONDS:
            looked = time.monotonic()
            if not await asyncio.to_thread(_still_welcome, request):
                return
        yield ServerSentEvent(
            json.dumps({"rows": event.rows, "time": round(time.time(), 1)}), event=event.kind, retry=2000
        )


def _still_welcome(request: Request) -> bool:
    """Tell whether the session that opened this feed still stands; a database away ends nothing."""
    try:
        room(request).door.reader(request)
    except Refused:
        return False
    except Unavailable:
        return True
    return True
