"""Who uses the API: a token in the Authorization header, or whoever the page's own door lets in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from fastapi import Header, Request
from fastapi.routing import APIRoute

from triage.domain.account import Right, Role, demand
from triage.domain.errors import Unprocessable
from triage.web.entry.turned_away import TurnedAway, Why
from triage.web.reader import Reader
from triage.web.room import room

READING = frozenset({"GET", "HEAD"})
FormToken = Annotated[str, Header(alias="X-Form-Token", max_length=200)]


def caller(request: Request) -> Reader:
    """Return who asks; raises TurnedAway. A request with a token is judged by it alone."""
    door = room(request).door
    token = door.token_in(request)
    if token:
        return door.bearer(token)
    reader = door.reader(request)
    if not reader.name:
        raise TurnedAway(Why.SIGN_IN)
    return reader


def caller_again(request: Request, reader: Reader) -> Reader:
    """Return who still asks on a connection that stays open; raises TurnedAway once they may not."""
    door = room(request).door
    token = door.token_in(request)
    return door.bearer(token) if token else door.again(request, reader)


def no_strays(request: Request) -> None:
    """Refuse a parameter that nobody reads: a filter spelt wrongly must not silently show everything."""
    route = request.scope.get("route")
    known = (
        {str(field.alias) for field in route.dependant.query_params} if isinstance(route, APIRoute) else set()
    )
    if not set(request.query_params) <= known:
        raise Unprocessable("query", f"The parameters here are: {', '.join(sorted(known)) or 'none'}.")


def needs(right: Right) -> Callable[..., Reader]:
    """Return the dependency that lets in whoever may do this."""

    def admitted(request: Request, x_form_token: FormToken = "") -> Reader:
        reader = caller(request)
        demand(reader.role, right, reader.scope)
        check_form(request, reader, x_form_token)
        return reader

    return admitted


def check_form(request: Request, reader: Reader, token: str) -> None:
    """Refuse a change by a browser's session without its token; a bearer needs none, no browser sends one unasked."""
    if reader.role is not Role.SERVICE and request.method not in READING:
        room(request).readers.check(reader, token)
