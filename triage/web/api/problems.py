"""What the API says when it says no: RFC 9457, one status for each class of error."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from triage.domain.errors import Conflict, NotFound, Refused, TriageError, Unavailable, Unprocessable
from triage.web.entry.turned_away import TurnedAway, Why

MEDIA_TYPE = "application/problem+json"
# Where the guard writes the number that answer, header and log of one request share.
REQUEST_ID = "triage.request"
WENT_WRONG = "Something went wrong here."
STATUS: dict[type[TriageError], int] = {
    TurnedAway: 401,
    Refused: 403,
    NotFound: 404,
    Conflict: 409,
    Unprocessable: 422,
    Unavailable: 503,
}
TITLES = {
    400: "Bad request",
    401: "Not signed in",
    403: "Refused",
    404: "Not found",
    405: "Method not allowed",
    409: "Conflict",
    422: "Malformed",
    429: "Too many",
    500: "Error",
    503: "Unavailable",
}


class Problem(BaseModel):
    """RFC 9457. `reason` is the machine's word for it; `detail` is for a person and says who and when."""

    type: str
    title: str
    status: int
    detail: str
    reason: str


def described(status: int) -> dict[str, Any]:
    """Return how the API's description tells of a problem with that status."""
    schema = {"$ref": "#/components/schemas/Problem"}
    return {"description": TITLES[status], "content": {MEDIA_TYPE: {"schema": schema}}}


RESPONSES: dict[int | str, dict[str, Any]] = {
    status: described(status) for status in (400, 401, 403, 404, 409, 422, 503)
}


def problem(status: int, reason: str, detail: str, headers: dict[str, str] | None = None) -> JSONResponse:
    """Return a problem as an answer."""
    said = Problem(
        type=f"urn:spine-triage:problem:{reason}",
        title=TITLES.get(status, "Error"),
        status=status,
        detail=detail,
        reason=reason,
    )
    return JSONResponse(said.model_dump(), status, headers, media_type=MEDIA_TYPE)


def add_problems(api: FastAPI) -> None:
    """Let the API answer errors this way."""
    api.add_exception_handler(TriageError, of_error)
    api.add_exception_handler(HTTPException, of_http)
    api.add_exception_handler(RequestValidationError, of_request)
    api.add_exception_handler(Exception, of_unexpected)


def of_error(request: Request, error: Exception) -> JSONResponse:
    """Answer one of our own errors."""
    assert isinstance(error, TriageError)
    status = next((code for kind, code in STATUS.items() if isinstance(error, kind)), 500)
    headers: dict[str, str] = {}
    if isinstance(error, TurnedAway):
        if error.why in (Why.PASSWORD, Why.ROLE):
            status = 403
        else:
            headers["www-authenticate"] = 'Bearer realm="spine-triage"'
    if status == 503:
        headers["retry-after"] = "5"
    return problem(status, error.reason, error.sentence, headers)


def of_http(request: Request, error: Exception) -> JSONResponse:
    """Answer what the framework refuses: no such address, no such method."""
    assert isinstance(error, HTTPException)
    reason = {404: "no-such-address", 405: "method"}.get(error.status_code, "http")
    return problem(
        error.status_code, reason, TITLES.get(error.status_code, "Error"), dict(error.headers or {})
    )


def of_request(request: Request, error: Exception) -> JSONResponse:
    """Answer a malformed request: where it is malformed, and nothing of what it held."""
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"] if not isinstance(part, str) or part.isascii())[:120]
    return problem(422, "malformed", f"{place}: {first['type']}")


def of_unexpected(request: Request, error: Exception) -> JSONResponse:
    """Answer an error that nobody foresaw, without its text; the guard outside logs it."""
    return problem(500, "unexpected", f"{WENT_WRONG} Ref {request.scope[REQUEST_ID]}")
