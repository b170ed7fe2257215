"""How the page says no: to somebody who is not let in, and to an act that is not theirs."""

from __future__ import annotations

from fastapi import FastAPI, Request
from fastapi.responses import PlainTextResponse, Response

from triage.domain.errors import Refused
from triage.web.entry.pages import show_door
from triage.web.entry.turned_away import TurnedAway, Why
from triage.web.listing import show
from triage.web.place import Message, Where
from triage.web.room import wants_part


def add_answers(app: FastAPI) -> None:
    """Let the application say no in these ways."""
    app.add_exception_handler(TurnedAway, turn_away)
    app.add_exception_handler(Refused, refuse)


def turn_away(request: Request, away: Exception) -> Response:
    """Show the door. A part of the page asks the browser for the whole: the door stands in the same place."""
    assert isinstance(away, TurnedAway)
    status = 401 if away.why in (Why.SIGN_IN, Why.LOCKED) else 403
    if wants_part(request):
        return PlainTextResponse(away.sentence, status, headers={"hx-refresh": "true"})
    return show_door(request, away, status=status)


def refuse(request: Request, refused: Exception) -> Response:
    """Say what may not be done, on the list as it is."""
    assert isinstance(refused, Refused)
    if not hasattr(request.state, "reader"):
        return PlainTextResponse(refused.sentence, 403)
    answer = show(request, Where(), Message(refused.sentence, trouble=True), status=403)
    answer.headers["hx-push-url"] = "false"
    return answer
