"""The session's cookie: HttpOnly, SameSite=Strict, Secure and host-bound where the page is served over TLS."""

from __future__ import annotations

from fastapi import Request
from fastapi.responses import Response

PLAIN = "triage_session"
# With this prefix a browser takes the cookie from this host over TLS alone (RFC 6265bis 4.1.3.2).
BOUND = "__Host-triage_session"


def name_for(request: Request) -> str:
    """Return the cookie's name on this connection."""
    return BOUND if request.url.scheme == "https" else PLAIN


def identifier(request: Request) -> str:
    """Return the session id that the browser sent; empty when it sent none."""
    return request.cookies.get(name_for(request), "")


def give(request: Request, answer: Response, session_id: str, hours: float) -> None:
    """Put the session id into the browser."""
    answer.set_cookie(
        name_for(request),
        session_id,
        max_age=int(hours * 3600),
        path="/",
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
    )


def take(request: Request, answer: Response) -> None:
    """Take it out again."""
    answer.delete_cookie(
        name_for(request), path="/", httponly=True, samesite="strict", secure=request.url.scheme == "https"
    )
