"""What a reader looks at: the list with its drawer, whole or as the part that is refreshed."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import HTMLResponse, Response

from triage.domain.errors import Refused
from triage.domain.worklist import Tab
from triage.web.listing import show
from triage.web.place import Message, Where
from triage.web.reader import COOKIE, SHIFT_SECONDS
from triage.web.room import back, room
from triage.worklist.actions import reader_name

router = APIRouter()
RowId = Annotated[int | None, Query(ge=1, lt=2**62)]
QueryId = Annotated[str, Query(max_length=32, pattern=r"^[A-Za-z0-9_-]*$")]


@router.get("/")
@router.get("/list")
def reading_list(
    request: Request, tab: Tab = Tab.UNREAD, study: RowId = None, q: QueryId = ""
) -> HTMLResponse:
    """Show the list; `study` is the row whose drawer is open, `q` the id of what it is narrowed to."""
    return show(request, Where(tab, study, q))


@router.post("/reader")
def say_who(request: Request, name: Annotated[str, Form(max_length=200)] = "") -> Response:
    """Take the name under which this browser reads."""
    try:
        chosen = reader_name(name)
    except Refused as refused:
        return show(request, Where(), Message(refused.sentence, trouble=True), status=400)
    answer = back(Where())
    answer.set_cookie(
        COOKIE,
        room(request).readers.cookie(chosen),
        max_age=SHIFT_SECONDS,
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
    )
    return answer


@router.post("/reader/leave")
def leave(request: Request) -> Response:
    """Forget the name."""
    answer = back(Where())
    answer.delete_cookie(COOKIE)
    return answer
