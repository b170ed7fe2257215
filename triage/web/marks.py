"""Notes and labels from the page. A note's text comes in a form's body and goes back in a page, never in an address."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response

from triage.domain.account import Right, may
from triage.domain.errors import Conflict, NotFound, Refused
from triage.web.acts import shown
from triage.web.listing import show_refusal
from triage.web.place import Carried, Message, Token, Undo
from triage.web.reader import Reader
from triage.web.room import room

router = APIRouter(prefix="/studies/{study_id}")
Text = Annotated[str, Form(max_length=2000)]
Label = Annotated[str, Form(max_length=40)]
TROUBLE = (Conflict, NotFound, Refused)


def leads(reader: Reader) -> bool:
    """Tell whether this person may take away what somebody else wrote."""
    return may(reader.role, Right.END_CLAIM, reader.scope)


@router.post("/notes")
def write(request: Request, study_id: int, where: Carried, token: Token = "", text: Text = "") -> Response:
    """Put a note on the study."""
    here = room(request)
    reader = here.reader(request)
    try:
        here.readers.check(reader, token)
        number = here.marks.write(study_id, reader.name, text)
    except TROUBLE as refused:
        return show_refusal(request, where, refused)
    undo = Undo(f"/studies/{study_id}/notes/{number}/withdraw")
    return shown(request, where, Message("Note written.", undo=undo))


@router.post("/notes/{number}/withdraw")
def withdraw(request: Request, study_id: int, number: int, where: Carried, token: Token = "") -> Response:
    """Take a note away."""
    here = room(request)
    reader = here.reader(request)
    try:
        here.readers.check(reader, token)
        here.marks.withdraw(study_id, number, reader.name, anybodys=leads(reader))
    except TROUBLE as refused:
        return show_refusal(request, where, refused)
    undo = Undo(f"/studies/{study_id}/notes/{number}/restore")
    return shown(request, where, Message("Note withdrawn.", undo=undo))


@router.post("/notes/{number}/restore")
def restore(request: Request, study_id: int, number: int, where: Carried, token: Token = "") -> Response:
    """Bring a withdrawn note back."""
    here = room(request)
    reader = here.reader(request)
    try:
        here.readers.check(reader, token)
        here.marks.restore(study_id, number, reader.name, anybodys=leads(reader))
    except TROUBLE as refused:
        return show_refusal(request, where, refused)
    return shown(request, where, Message("The note stands again."))


@router.post("/labels")
def label(
    request: Request,
    study_id: int,
    where: Carried,
    token: Token = "",
    on: Label = "",
    off: Label = "",
) -> Response:
    """Put a label on the study, or take one off."""
    here = room(request)
    reader = here.reader(request)
    address = f"/studies/{study_id}/labels"
    try:
        here.readers.check(reader, token)
        if off:
            here.marks.clear(study_id, off, reader.name)
            return shown(request, where, Message("Label taken off.", undo=Undo(address, {"on": off})))
        here.marks.set(study_id, on, reader.name)
    except TROUBLE as refused:
        return show_refusal(request, where, refused)
    return shown(request, where, Message(f"Label set: {on}.", undo=Undo(address, {"off": on})))
