"""Notes and labels through the API."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request

from triage.domain.account import Right
from triage.web.api.admission import needs
from triage.web.api.models import ROW_ID, Labelled, Number, Writing
from triage.web.api.worklist import StudyId
from triage.web.reader import Reader
from triage.web.room import room

router = APIRouter(prefix="/worklist/{study_id}", tags=["worklist"])
NoteId = Annotated[int, Path(ge=1, le=ROW_ID)]
Noting = Annotated[Reader, Depends(needs(Right.NOTE))]
Labelling = Annotated[Reader, Depends(needs(Right.LABEL))]


@router.post("/notes", status_code=201)
def write(request: Request, reader: Noting, study_id: StudyId, said: Writing) -> Number:
    """Put a note on the study; it moves nothing."""
    return Number(id=room(request).marks.write(study_id, reader.name, said.text))


@router.delete("/notes/{number}", status_code=204)
def withdraw(request: Request, reader: Noting, study_id: StudyId, number: NoteId) -> None:
    """Take a note away: one's own, or as a lead anybody's."""
    room(request).marks.withdraw(study_id, number, reader.name, anybodys=reader.may("END_CLAIM"))


@router.put("/notes/{number}", status_code=204)
def restore(request: Request, reader: Noting, study_id: StudyId, number: NoteId) -> None:
    """Bring a withdrawn note back."""
    room(request).marks.restore(study_id, number, reader.name, anybodys=reader.may("END_CLAIM"))


@router.post("/labels", status_code=204)
def label(request: Request, reader: Labelling, study_id: StudyId, said: Labelled) -> None:
    """Put a label of the site's list on the study, or take one off; without it nothing happens."""
    marks = room(request).marks
    act = marks.set if said.on else marks.clear
    act(study_id, said.label, reader.name)
