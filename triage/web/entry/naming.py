"""The mode `name`: a reader types a name. For the trial on one machine; the page says that it proves nothing."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response

from triage.domain.errors import Refused
from triage.web.listing import show
from triage.web.place import Message, Where
from triage.web.reader import COOKIE, SHIFT_SECONDS
from triage.web.room import back, room
from triage.worklist.actions import reader_name

router = APIRouter()


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
