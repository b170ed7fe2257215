"""Narrowing the list: a search is a POST, and the address afterwards names an opaque id, never a patient.

Saved views are such filters under a name, with a tab and columns: a reader's own, or everybody's. They hold no
search: that is forgotten after a shift.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response

from triage.domain.account import Right, demand
from triage.domain.errors import NotFound, Refused
from triage.domain.reading import Filters, demand_lasting, view_name
from triage.store import queries, saved_views
from triage.web.entry.own_steps import demand_own_step
from triage.web.listing import show, show_refusal
from triage.web.place import Carried, Message, Token, Where
from triage.web.room import back, room, wants_part

router = APIRouter()
Text = Annotated[str, Form(max_length=200)]


@router.post("/search")
def search(
    request: Request,
    at: Carried,
    token: Token = "",
    text: Text = "",
    modality: Text = "",
    source: Text = "",
    flag: Text = "",
) -> Response:
    """Keep what the reader looks for and show what matches."""
    here = room(request)
    reader = here.reader(request)
    try:
        here.readers.check(reader, token)
        filters = Filters.spoken(text, modality, source, flag)
    except Refused as refused:
        return show_refusal(request, Where(at.tab), refused)
    kept = "" if filters.empty else queries.keep(here.engine, reader.name, filters, at.q).token
    where = Where(at.tab, None, kept)
    if not wants_part(request):
        return back(where)
    answer = show(request, where)
    answer.headers["hx-replace-url"] = f"/{where.query}"
    return answer


@router.post("/views")
def save_view(
    request: Request,
    at: Carried,
    token: Token = "",
    name: Text = "",
    shared: Annotated[bool, Form()] = False,
) -> Response:
    """Save the list as it stands under a name."""
    here, where = room(request), replace(at, study=None)
    reader = here.reader(request)
    try:
        here.readers.check(reader, token)
        if shared:
            demand(reader.role, Right.SHARE, reader.scope)
        named = view_name(name)
        known = queries.find(here.engine, reader.name, at.q)
        filters = known.filters if known else Filters()
        demand_lasting(filters)
    except Refused as refused:
        return show_refusal(request, where, refused)
    chosen = saved_views.chosen_columns(here.engine, reader.name)
    saved_views.save(here.engine, reader.name, named, at.tab, filters, chosen, shared=shared)
    return back(where)


@router.get("/views/{view_id}")
def open_view(request: Request, view_id: int) -> Response:
    """Show a saved view: its tab, its filters, its columns."""
    demand_own_step(request)
    here = room(request)
    reader = here.reader(request)
    try:
        view = saved_views.view(here.engine, reader.name, view_id)
    except NotFound as gone:
        return show(request, Where(), Message(f"{gone.sentence.capitalize()}.", trouble=True), status=404)
    if reader.name:
        saved_views.choose_columns(here.engine, reader.name, view.columns)
    kept = "" if view.filters.empty else queries.keep(here.engine, reader.name, view.filters).token
    return back(Where(view.tab, None, kept))


@router.post("/views/{view_id}/forget")
def forget_view(request: Request, view_id: int, at: Carried, token: Token = "") -> Response:
    """Delete one of the reader's own views."""
    here, where = room(request), replace(at, study=None)
    reader = here.reader(request)
    try:
        here.readers.check(reader, token)
        saved_views.forget(here.engine, reader.name, view_id)
    except (Refused, NotFound) as refused:
        return show_refusal(request, where, refused)
    return back(where)
