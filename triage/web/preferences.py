"""What a reader prefers: the look of this browser, which columns the list has for them, and which keys."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response

from triage.domain import keymap
from triage.domain.errors import Refused
from triage.store import reader_keys, saved_views
from triage.web.carrying_out import carried_out
from triage.web.labels import DENSITIES, REMAPPABLE, THEMES
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


@router.post("/keys")
def choose_keys(
    request: Request,
    where: Carried,
    token: Token = "",
    usual: Annotated[list[str] | None, Form()] = None,
    chosen: Annotated[list[str] | None, Form()] = None,
    usually: Annotated[str, Form(max_length=8)] = "",
) -> Response:
    """Remember this reader's keys, or that they want the usual ones again."""

    def act(here: Room, reader: Reader) -> Response:
        asked, keys = (usual or [], chosen or []) if not usually else ([], [])
        if len(asked) != len(keys):
            raise Refused("keys", "the form names an act without its key. Nothing changed.")
        found = keymap.chosen(dict(zip(asked, keys, strict=True)), dict(REMAPPABLE))
        reader_keys.choose(here.engine, reader.name, found)
        return back(where)

    return carried_out(request, where, token, act)
