"""The rest of the API: who am I, how do things stand, and the live feed."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from sse_starlette import EventSourceResponse

from triage.domain.account import Right, may
from triage.store import situation
from triage.web.api.admission import caller_again, needs
from triage.web.api.models import Me, Stands
from triage.web.api.problems import described, problem
from triage.web.live import no_room, stream
from triage.web.reader import Reader
from triage.web.room import room

router = APIRouter()
Looking = Annotated[Reader, Depends(needs(Right.LOOK))]


@router.get("/me", tags=["me"])
def me(request: Request, reader: Looking) -> Me:
    """Say who asks, and what they may do."""
    rights = [right.name.lower() for right in Right if may(reader.role, right, reader.scope)]
    token = room(request).readers.token(reader)
    return Me(name=reader.name, role=reader.role, scope=reader.scope, rights=rights, form_token=token)


@router.get("/situation", tags=["situation"])
def stands(request: Request, reader: Looking) -> Stands:
    """Say how reception and analysis stand."""
    return Stands.of(situation.situation(room(request).engine))


@router.get(
    "/feed",
    tags=["feed"],
    response_class=EventSourceResponse,
    responses={
        200: {"description": "Server-Sent Events", "content": {"text/event-stream": {}}},
        429: described(429),
    },
)
async def feed(request: Request, reader: Looking) -> Response:
    """Stream which rows changed, as `study_id:version`, never what is in them."""
    refused = no_room(request, reader)
    if refused:
        return problem(refused.status, "feeds", refused.sentence, refused.headers)
    return stream(request, reader, caller_again)
