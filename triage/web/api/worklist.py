"""The list through the API: look, search, take the next, act on a version, say what one thinks of a flag."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from triage.domain.account import Right, demand
from triage.domain.reading import Filters, FlagFilter
from triage.domain.worklist import Tab
from triage.store import worklist
from triage.store.paging import page_end
from triage.web.api.admission import FormToken, caller, check_form, needs
from triage.web.api.models import ROW_ID, Counts, Detail, Doing, Judgement, Page, Row, Search
from triage.web.entry.rights import ACTS
from triage.web.page_ends import MOST_LETTERS
from triage.web.reader import Reader
from triage.web.room import Room, room
from triage.worklist.actions import Act

router = APIRouter(prefix="/worklist", tags=["worklist"])
StudyId = Annotated[int, Path(ge=1, le=ROW_ID)]
Looking = Annotated[Reader, Depends(needs(Right.LOOK))]
Taking = Annotated[Reader, Depends(needs(Right.NEXT))]
Opining = Annotated[Reader, Depends(needs(Right.OPINE))]


def assist(here: Room) -> bool:
    """Tell whether this site shows levels and scores."""
    return here.settings.product.mode == "assist"


def page_of(here: Room, reader: Reader, asked: Search) -> Page:
    """Return the page that was asked for."""
    filters = Filters.spoken(asked.text, asked.modality, asked.source, asked.flag)
    found = worklist.page(
        here.engine,
        asked.tab,
        limit=asked.limit + 1,
        reader=reader.name,
        filters=filters,
        after=here.page_ends.read(asked.after),
        site=here.desk.policy,
    )
    shown = found[: asked.limit]
    following = here.page_ends.written(page_end(asked.tab, shown[-1])) if len(found) > asked.limit else None
    return Page(items=[Row.of(row, assist=assist(here)) for row in shown], next=following)


@router.get("")
def list_studies(
    request: Request,
    reader: Looking,
    tab: Tab = Tab.UNREAD,
    modality: Annotated[str, Query(max_length=16)] = "",
    source: Annotated[str, Query(max_length=16)] = "",
    flag: FlagFilter = FlagFilter.ANY,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
    after: Annotated[str | None, Query(max_length=MOST_LETTERS)] = None,
) -> Page:
    """List a tab in the order its studies are to be read, a page at a time: `after` is the `next` of the page before."""
    asked = Search(tab=tab, modality=modality, source=source, flag=flag, limit=limit, after=after)
    return page_of(room(request), reader, asked)


@router.post("/search")
def search(request: Request, reader: Looking, asked: Search) -> Page:
    """List what matches a text as well: a name, a patient id, an accession number."""
    return page_of(room(request), reader, asked)


@router.get("/counts")
def counts(request: Request, reader: Looking) -> Counts:
    """Return how many studies each tab holds."""
    return Counts(counts=worklist.counts(room(request).engine, reader.name))


@router.post(
    "/next", responses={204: {"description": "Nothing is waiting that nobody reads"}}, response_model=Row
)
def take_next(request: Request, reader: Taking) -> Any:
    """Claim the first study of the order that nobody holds."""
    here = room(request)
    row = here.desk.next_study(reader.name)
    return Response(status_code=204) if row is None else Row.of(row, assist=assist(here))


@router.get("/{study_id}")
def why(request: Request, reader: Looking, study_id: StudyId) -> Detail:
    """Say why a study stands where it stands."""
    here = room(request)
    return Detail.of(worklist.detail(here.engine, study_id, here.desk.policy), assist=assist(here))


@router.put("/{study_id}/opinion", status_code=204)
def opine(request: Request, reader: Opining, study_id: StudyId, said: Judgement) -> None:
    """Say what one thinks of the flag; it moves nothing."""
    room(request).desk.opine(study_id, reader.name, said.verdict, said.cause)


@router.delete("/{study_id}/opinion", status_code=204)
def withdraw(request: Request, reader: Opining, study_id: StudyId) -> None:
    """Take one's opinion back."""
    room(request).desk.withdraw(study_id, reader.name)


@router.post("/{study_id}/{act}")
def act_on(request: Request, study_id: StudyId, act: Act, doing: Doing, x_form_token: FormToken = "") -> Row:
    """Do one act on the version that was seen; 409 says who was faster, and when."""
    reader = caller(request)
    demand(reader.role, ACTS[act], reader.scope)
    check_form(request, reader, x_form_token)
    here = room(request)
    row = here.desk.act(act, study_id, reader.name, doing.version, note=doing.note, reason=doing.reason)
    return Row.of(row, assist=assist(here))
