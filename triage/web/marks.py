"""Notes and labels from the page. A note's text comes in a form's body and goes back in a page, never in an address."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response

from triage.web.carrying_out import carried_out, shown
from triage.web.place import Carried, Message, Token, Undo
from triage.web.reader import Reader
from triage.web.room import Room

router = APIRouter(prefix="/studies/{study_id}")
Text = Annotated[str, Form(max_length=2000)]
Label = Annotated[str, Form(max_length=40)]


@router.post("/notes")
def write(request: Request, study_id: int, where: Carried, token: Token = "", text: Text = "") -> Response:
    """Put a note on the study."""

    def act(here: Room, reader: Reader) -> Response:
        number = here.marks.write(study_id, reader.name, text)
        undo = Undo(f"/studies/{study_id}/notes/{number}/withdraw")
        return shown(request, where, Message("Note written.", undo=undo))

    return carried_out(request, where, token, act)


@router.post("/notes/{number}/withdraw")
def withdraw(request: Request, study_id: int, number: int, where: Carried, token: Token = "") -> Response:
    """Take a note away."""

    def act(here: Room, reader: Reader) -> Response:
        here.marks.withdraw(study_id, number, reader.name, anybodys=reader.may("END_CLAIM"))
        undo = Undo(f"/studies/{study_id}/notes/{number}/restore")
        return shown(request, where, Message("Note withdrawn.", undo=undo))

    return carried_out(request, where, token, act)


@router.post("/notes/{number}/restore")
def restore(request: Request, study_id: int, number: int, where: Carried, token: Token = "") -> Response:
    """Bring a withdrawn note back."""

    def act(here: Room, reader: Reader) -> Response:
        here.marks.restore(study_id, number, reader.name, anybodys=reader.may("END_CLAIM"))
        return shown(request, where, Message("The note stands again."))

    return carried_out(request, where, token, act)


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
    address = f"/studies/{study_id}/labels"

    def act(here: Room, reader: Reader) -> Response:
        if off:
            here.marks.clear(study_id, off, reader.name)
            return shown(request, where, Message("Label taken off.", undo=Undo(address, {"on": off})))
        here.marks.set(study_id, on, reader.name)
        return shown(request, where, Message(f"Label set: {on}.", undo=Undo(address, {"off": on})))

    return carried_out(request, where, token, act)
