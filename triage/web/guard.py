"""What every request passes: the Host header (DNS rebinding), the origin of acts (CSRF), headers of answers.

Promises that every answer is dressed and counted, that of an error nobody foresaw too, and has a number of its
own. Pure ASGI, because a wrapping middleware would hold back the live feed.
"""

from __future__ import annotations

import ipaddress
import secrets
import time
from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from triage import metrics
from triage.web import unexpected
from triage.web.api.problems import REQUEST_ID, problem

LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
API = "/api/"
ANSWERED = "triage.answered"
READING = frozenset({"GET", "HEAD", "OPTIONS"})
METHODS = READING | {"POST", "PUT", "DELETE", "PATCH"}
MOST_BODY_BYTES = 256 * 1024
SECURITY_HEADERS = {
    "content-security-policy": (
        "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    # Not "no-referrer": with it a browser sends "Origin: null" with forms, and acts need their origin.
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
}


def is_loopback(host: str) -> bool:
    """Tell whether only this machine can reach that address."""
    if host in LOOPBACK_NAMES:
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def host_name(header: str) -> str:
    """Return the name in a Host header without its port, lower case; empty when it is malformed."""
    try:
        return (urlsplit(f"//{header}").hostname or "").lower()
    except ValueError:
        return ""


class Guard:
    """The middleware; `hosts` are the names this page answers to."""

    def __init__(self, app: ASGIApp, hosts: Iterable[str]) -> None:
        self._app = app
        self._hosts = LOOPBACK_NAMES | {name.lower() for name in hosts}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse or pass on, and dress the answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        # Never one that the request brings: it is written into the log.
        scope[REQUEST_ID] = secrets.token_hex(6)
        dressed = _dressing(scope, send, started)
        headers = Headers(scope=scope)
        refusal = _too_large(headers) or self._objection(headers, scope)
        if refusal:
            await _refusing(scope["path"], *refusal)(scope, receive, dressed)
            return
        try:
            await self._app(scope, _bounded(receive), dressed)
        except Exception as trouble:
            unexpected.tell(scope, trouble)
            if ANSWERED not in scope:
                await unexpected.answer(scope)(scope, receive, dressed)
            raise

    def _objection(self, headers: Headers, scope: Scope) -> tuple[int, str] | None:
        host = headers.get("host", "")
        if host_name(host) not in self._hosts:
            return 421, "This page does not go by that name. Add it to web.allowed_hosts."
        # No browser adds a bearer's token by itself, so another site cannot act with one.
        program = scope["path"].startswith(API) and _has_token(headers)
        if scope["method"] not in READING and not program and not _same_origin(headers, host):
            return 403, "Refused: the request does not come from this page."
        return None


def _too_large(headers: Headers) -> tuple[int, str] | None:
    said = headers.get("content-length", "0")
    if said.isascii() and said.isdigit() and int(said[:12]) <= MOST_BODY_BYTES:
        return None
    return 413, "Refused: the request is larger than anything this page asks for."


def _bounded(receive: Receive) -> Receive:
    """End a body that was announced shorter than it is, or not at all: nobody signed in yet, and memory is finite."""
    left = MOST_BODY_BYTES

    async def bounded() -> Message:
        nonlocal left
        message = await receive()
        left -= len(message.get("body", b""))
        return message if left >= 0 else {"type": "http.disconnect"}

    return bounded


def _refusing(path: str, status: int, words: str) -> Response:
    if not path.startswith(API):
        return PlainTextResponse(words, status_code=status)
    return problem(status, "guard", words)


def _has_token(headers: Headers) -> bool:
    return headers.get("authorization", "").lower().startswith("bearer ")


def _same_origin(headers: Headers, host: str) -> bool:
    """Tell whether an act comes from our own page: browsers always send Origin with a POST."""
    if headers.get("sec-fetch-site", "same-origin") != "same-origin":
        return False
    try:
        return urlsplit(headers.get("origin", "")).netloc == host
    except ValueError:
        return False


def _dressing(scope: Scope, send: Send, started: float) -> Send:
    async def dressed(message: Message) -> None:
        if message["type"] == "http.response.start":
            scope[ANSWERED] = True
            headers = MutableHeaders(scope=message)
            headers["x-request-id"] = scope[REQUEST_ID]
            for name, value in SECURITY_HEADERS.items():
                headers.setdefault(name, value)
            headers.setdefault("cache-control", "no-store")
            _measure(scope, message["status"], started)
        await send(message)

    return dressed


def _measure(scope: Scope, status: int, started: float) -> None:
    route = getattr(scope.get("route"), "path", "other")
    seconds = time.perf_counter() - started
    # Any word may be sent as a method: each would be a line of the figures for ever.
    method = scope["method"] if scope["method"] in METHODS else "other"
    metrics.HTTP_SECONDS.labels(route, method, str(status)).observe(seconds)
