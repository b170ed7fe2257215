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
from triage.domain.errors import NotFound
from triage.domain.reading import Filters, view_name
from triage.store import queries, saved_views
from triage.web.carrying_out import carried_out
from triage.web.entry.own_steps import demand_own_step
from triage.web.listing import show
from triage.web.place import Carried, Message, Token, Where
from triage.web.reader import Reader
from triage.web.room import Room, back, room, wants_part

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

    def act(here: Room, reader: Reader) -> Response:
        filters = Filters.spoken(text, modality, source, flag)
        kept = "" if filters.empty else queries.keep(here.engine, reader.name, filters, at.q).token
        where = Where(at.tab, None, kept)
        if not wants_part(request):
            return back(where)
        answer = show(request, where)
        answer.headers["hx-replace-url"] = f"/{where.query}"
        return answer

    return carried_out(request, Where(at.tab), token, act)


@router.post("/views")
def save_view(
    request: Request,
    at: Carried,
    token: Token = "",
    name: Text = "",
    shared: Annotated[bool, Form()] = False,
) -> Response:
    """Save the list as it stands under a name."""
    where = replace(at, study=None)

    def act(here: Room, reader: Reader) -> Response:
        if shared:
            demand(reader.role, Right.SHARE, reader.scope)
        known = queries.find(here.engine, reader.name, at.q)
        filters = known.filters if known else Filters()
        chosen = saved_views.chosen_columns(here.engine, reader.name)
        saved_views.save(here.engine, reader.name, view_name(name), at.tab, filters, chosen, shared=shared)
        return back(where)

    return carried_out(request, where, token, act)


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
    where = replace(at, study=None)

    def act(here: Room, reader: Reader) -> Response:
        saved_views.forget(here.engine, reader.name, view_id)
        return back(where)

    return carried_out(request, where, token, act)
