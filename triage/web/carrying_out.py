"""What every act from a form goes through: who asks, with which token, and a refusal said on the page in words."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import Request
from fastapi.responses import Response

from triage.domain.errors import Conflict, NotFound, Refused
from triage.web.listing import show, show_refusal
from triage.web.place import Message, Where
from triage.web.reader import Reader
from triage.web.room import Room, back, room, wants_part


def carried_out(
    request: Request, where: Where, token: str, act: Callable[[Room, Reader], Response]
) -> Response:
    """Let whoever sent the form act, and answer with what the act answers; a refusal is said at `where`."""
    here = room(request)
    reader = here.reader(request)
    try:
        here.readers.check(reader, token)
        return act(here, reader)
    except (Conflict, NotFound, Refused) as refused:
        return show_refusal(request, where, refused)


def shown(request: Request, where: Where, message: Message) -> Response:
    """Answer an act that was done with the page as it is now, at the place where the reader was."""
    if not wants_part(request):
        return back(where)
    answer = show(request, where, message)
    answer.headers["hx-push-url"] = f"/{where.query}"
    return answer
