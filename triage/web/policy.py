"""The kill switch: one form puts every study in the order of its requested class, another goes back.

Both ask for a reason and for `Right.STOP_POLICY`; the store audits who, when and why. A lead who was slower
is told who was faster: the form names the version that the lead saw. Forms of their own, without htmx: the answer is the whole page in its new order.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response

from triage.domain.policy import PolicyChange
from triage.web.carrying_out import carried_out
from triage.web.place import Carried, Token, Where
from triage.web.reader import Reader
from triage.web.room import Room, back
from triage.worklist.actions import Desk

router = APIRouter()
Reason = Annotated[str, Form(max_length=500)]
Seen = Annotated[int | None, Form(ge=0, le=2**63 - 1)]


@router.post("/policy/stop")
def stop(
    request: Request, where: Carried, token: Token = "", reason: Reason = "", seen: Seen = None
) -> Response:
    """Order by requested class alone from now on."""
    return _changed(request, where, token, lambda desk, name: desk.stop_policy(name, reason, seen))


@router.post("/policy/resume")
def resume(
    request: Request, where: Carried, token: Token = "", reason: Reason = "", seen: Seen = None
) -> Response:
    """Go back to the order that a stop put aside."""
    return _changed(request, where, token, lambda desk, name: desk.resume_policy(name, reason, seen))


def _changed(
    request: Request, where: Where, token: str, verb: Callable[[Desk, str], PolicyChange]
) -> Response:
    def act(here: Room, reader: Reader) -> Response:
        verb(here.desk, reader.name)
        return back(where)

    return carried_out(request, where, token, act)
