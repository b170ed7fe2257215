"""What a reader looks at: the list with its drawer, whole or as the part that is refreshed."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from triage.domain.worklist import Tab
from triage.web.listing import show
from triage.web.place import Where

router = APIRouter()
RowId = Annotated[int | None, Query(ge=1, lt=2**62)]
QueryId = Annotated[str, Query(max_length=32, pattern=r"^[A-Za-z0-9_-]*$")]


@router.get("/")
@router.head("/")
@router.get("/list")
def reading_list(
    request: Request, tab: Tab = Tab.UNREAD, study: RowId = None, q: QueryId = ""
) -> HTMLResponse:
    """Show the list; `study` is the row whose drawer is open, `q` the id of what it is narrowed to."""
    return show(request, Where(tab, study, q))
