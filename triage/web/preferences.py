"""What a reader prefers: the look of this browser, and which columns the list has for them."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response

from triage.store import saved_views
from triage.web.carrying_out import carried_out
from triage.web.labels import DENSITIES, THEMES
from triage.web.look import COOKIE, OPEN, PRIVATE, YEAR_SECONDS, Look
from triage.web.place import Carried, Token
from triage.web.reader import Reader
from triage.web.room import Room, back

router = APIRouter()


@router.post("/look")
def change_look(
    request: Request,
    where: Carried,
    theme: Annotated[str, Form(max_length=16)] = "",
    density: Annotated[str, Form(max_length=16)] = "",
    names: Annotated[str, Form(max_length=16)] = "",
) -> Response:
    """Remember the look in this browser; what is not named stays."""
    look = Look.read(request.cookies.get(COOKIE))
    if theme in THEMES:
        look = replace(look, theme=theme)
    if density in DENSITIES:
        look = replace(look, density=density)
    if names in (PRIVATE, OPEN):
        look = replace(look, private=names == PRIVATE)
    answer = Response(status_code=204) if "x-quietly" in request.headers else back(where)
    answer.set_cookie(
        COOKIE,
        look.cookie(),
        max_age=YEAR_SECONDS,
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
    )
    return answer


@router.post("/columns")
def choose_columns(
    request: Request,
    where: Carried,
    token: Token = "",
    column: Annotated[list[str] | None, Form()] = None,
) -> Response:
    """Remember which columns this reader wants."""

    def act(here: Room, reader: Reader) -> Response:
        saved_views.choose_columns(here.engine, reader.name, column or ())
        return back(where)

    return carried_out(request, where, token, act)
