"""The live feed as Server-Sent Events: which rows changed, never what is in them."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator

from fastapi import APIRouter, Request
from sse_starlette import EventSourceResponse, ServerSentEvent

from triage.web.room import room
from triage.worklist.feed import Hub

router = APIRouter()


@router.get("/feed")
async def feed(request: Request) -> EventSourceResponse:
    """Stream `change`, `stale`, `resync` and `alive` until the browser or this process goes."""
    return EventSourceResponse(_events(room(request).hub), ping=15, headers={"x-accel-buffering": "no"})


async def _events(hub: Hub) -> AsyncIterator[ServerSentEvent]:
    async for event in hub.events():
        yield ServerSentEvent(
            json.dumps({"rows": event.rows, "time": round(time.time(), 1)}), event=event.kind, retry=2000
        )
