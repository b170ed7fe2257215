"""What a reader does: each act is a POST with the version the reader saw. A conflict is a 409 in words."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response

from triage.domain.errors import Conflict, NotFound, Refused, TriageError
from triage.domain.worklist import Tab, WorklistRow
from triage.web import words
from triage.web.room import Message, Where, back, room, show, wants_part
from triage.worklist.actions import Act

router = APIRouter()
STATUS: dict[type[TriageError], int] = {Conflict: 409, NotFound: 404, Refused: 403}
Token = Annotated[str, Form()]
OpenTab = Annotated[Tab, Form()]


@router.post("/next")
def next_study(request: Request, token: Token = "", tab: OpenTab = Tab.UNREAD) -> Response:
    """Claim the first study of the order that nobody holds, and open it."""
    here = room(request)
    reader = here.reader(request)
    try:
        here.readers.check(reader, token)
    except Refused as refused:
        return _refuse(request, Where(tab), refused)
    row = here.desk.next_study(reader.name)
    if row is None:
        return show(request, Where(tab), Message("Nothing is waiting that nobody reads."))
    return _shown(request, Where(tab, row.study_id), Message("Claimed: the next study of the order."))


@router.post("/studies/{study_id}/{act}")
def act_on(
    request: Request,
    study_id: int,
    act: Act,
    token: Token = "",
    version: Annotated[int | None, Form()] = None,
    note: Annotated[str, Form(max_length=200)] = "",
    tab: OpenTab = Tab.UNREAD,
    study: Annotated[int | None, Form()] = None,
) -> Response:
    """Do one act on the version the reader saw."""
    here = room(request)
    reader = here.reader(request)
    where = Where(tab, study)
    try:
        here.readers.check(reader, token)
        if version is None:
            raise Refused("version", "The form names no version. Reload the page.")
        row = here.desk.act(act, study_id, reader.name, version, note=note)
    except (Conflict, NotFound, Refused) as refused:
        return _refuse(request, where, refused)
    return _shown(request, where, _done(act, row))


def _done(act: Act, row: WorklistRow) -> Message:
    undo = row if act in (Act.COMPLETE, Act.CANCEL) else None
    return Message(f"{words.PAST[f'worklist.{act}']}.", undo=undo)


def _shown(request: Request, where: Where, message: Message) -> Response:
    if not wants_part(request):
        return back(where)
    answer = show(request, where, message)
    answer.headers["hx-push-url"] = f"/{where.query}"
    return answer


def _refuse(request: Request, where: Where, refused: TriageError) -> Response:
    sentence = refused.sentence[:1].upper() + refused.sentence[1:]
    text = f"Nothing changed: {sentence}." if isinstance(refused, Conflict) else sentence
    answer = show(request, where, Message(text, trouble=True), status=STATUS[type(refused)])
    answer.headers["hx-push-url"] = "false"
    return answer
