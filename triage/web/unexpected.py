"""An error that nobody foresaw: counted, logged, and answered in words with a number to ask by.

Promises that neither the answer nor the log quotes the error's own text, which may hold a patient's name: the
log has its class, where it came from, and the number.
"""

from __future__ import annotations

import traceback
from pathlib import Path

from fastapi import Request
from fastapi.responses import PlainTextResponse, Response
from starlette.types import Scope

from triage import log
from triage.web.api.problems import REQUEST_ID, WENT_WRONG
from triage.web.look import COOKIE, Look
from triage.web.room import frame, render, room, wants_part

LOG = log.get(__name__)
MOST_FRAMES = 12


def tell(scope: Scope, trouble: Exception) -> None:
    """Log where it happened and of what class it is; the route as it is written, never as it was asked for."""
    LOG.error(
        "unexpected",
        request=scope[REQUEST_ID],
        method=scope["method"],
        route=getattr(scope.get("route"), "path", "other"),
        error=type(trouble).__qualname__,
        cause=type(trouble.__cause__).__qualname__ if trouble.__cause__ else "",
        at=frames(trouble),
    )


def frames(trouble: BaseException) -> list[str]:
    """Return the last places that the error came through: file, line, function."""
    met = traceback.extract_tb(trouble.__traceback__)[-MOST_FRAMES:]
    return [f"{'/'.join(Path(frame.filename).parts[-3:])}:{frame.lineno} {frame.name}" for frame in met]


def answer(scope: Scope) -> Response:
    """Return the page's error state, or for a part of it the words alone."""
    request = Request(scope)
    if wants_part(request):
        return PlainTextResponse(f"{WENT_WRONG} Ref {scope[REQUEST_ID]}", 500)
    here = room(request)
    told = {"reference": scope[REQUEST_ID], "acted": scope["method"] != "GET"}
    return render(here, "error.html", {**frame(here, Look.read(request.cookies.get(COOKIE))), **told}, 500)
