"""What a reader does: each act is a POST with the version the reader saw. A conflict is a 409 in words."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response

from triage.domain.errors import Refused
from triage.domain.reading import Cause, LowerReason, Verdict
from triage.domain.worklist import WorklistRow
from triage.web import words
from triage.web.carrying_out import carried_out, shown
from triage.web.labels import VERDICTS
from triage.web.listing import show
from triage.web.place import Carried, Message, Token, Undo
from triage.web.reader import Reader
from triage.web.room import Room
from triage.worklist.actions import Act

router = APIRouter()
Note = Annotated[str, Form(max_length=200)]
# How an act is taken back; a pin's note comes back with it.
OPPOSITE = {
    Act.CLAIM: Act.RELEASE,
    Act.RELEASE: Act.CLAIM,
    Act.COMPLETE: Act.REOPEN,
    Act.CANCEL: Act.REOPEN,
    Act.PIN: Act.UNPIN,
    Act.UNPIN: Act.PIN,
    Act.SKIP: Act.UNSKIP,
    Act.LOWER: Act.RAISE,
}


@router.post("/next")
def next_study(request: Request, at: Carried, token: Token = "") -> Response:
    """Claim the first study of the order that nobody holds, and open it."""
    where = replace(at, study=None)

    def act(here: Room, reader: Reader) -> Response:
        row = here.desk.next_study(reader.name)
        if row is None:
            return show(request, where, Message("Nothing is waiting that nobody reads."))
        message = Message("Claimed: the next study of the order.", undo=_undo(Act.RELEASE, row))
        return shown(request, replace(at, study=row.study_id), message)

    return carried_out(request, where, token, act)


@router.post("/studies/{study_id}/opinion")
def opine(
    request: Request,
    study_id: int,
    where: Carried,
    token: Token = "",
    verdict: Annotated[Verdict | None, Form()] = None,
    cause: Annotated[Cause | None, Form()] = None,
) -> Response:
    """Record what the reader thinks of the flag; without a verdict, take it back."""

    def act(here: Room, reader: Reader) -> Response:
        if verdict is None:
            here.desk.withdraw(study_id, reader.name)
            return shown(request, where, Message("Opinion withdrawn."))
        here.desk.opine(study_id, reader.name, verdict, cause)
        said = f"Your view of the flag: {VERDICTS[verdict].lower()}."
        return shown(request, where, Message(said, undo=Undo(f"/studies/{study_id}/opinion")))

    return carried_out(request, where, token, act)


@router.post("/studies/{study_id}/{act}")
def act_on(
    request: Request,
    study_id: int,
    act: Act,
    where: Carried,
    token: Token = "",
    version: Annotated[int | None, Form()] = None,
    note: Note = "",
    reason: Annotated[LowerReason | None, Form()] = None,
) -> Response:
    """Do one act on the version the reader saw."""

    def do(here: Room, reader: Reader) -> Response:
        if version is None:
            raise Refused("version", "The form names no version. Reload the page.")
        before = here.desk.row(study_id) if act is Act.UNPIN else None
        row = here.desk.act(act, study_id, reader.name, version, note=note, reason=reason)
        return shown(request, where, _done(act, row, before))

    return carried_out(request, where, token, do)


def _done(act: Act, row: WorklistRow, before: WorklistRow | None) -> Message:
    opposite = OPPOSITE.get(act)
    undo = _undo(opposite, row, before.pin_reason if before else "") if opposite else None
    done = "Claim ended" if act is Act.END_CLAIM else words.PAST[f"worklist.{act}"]
    return Message(f"{done}.", undo=undo)


def _undo(act: Act, row: WorklistRow, note: str = "") -> Undo:
    fields: dict[str, str | int] = {"version": row.version}
    return Undo(f"/studies/{row.study_id}/{act}", {**fields, "note": note} if note else fields)
