"""Who a request really comes from: the peer itself, and what a proxy that the site named says of the browser.

Promises that the peer is written down before any header is believed: the proxy mode asks for the peer.
"""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import FastAPI, Request
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

PEER = "triage.peer"


class PeerWrittenDown:
    """The outermost middleware: writes the connection's own address into the scope."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on."""
        if scope["type"] == "http":
            client = scope.get("client")
            scope[PEER] = client[0] if client else ""
        await self._app(scope, receive, send)


def add_forwarding(app: FastAPI, trusted: Sequence[str]) -> None:
    """Believe X-Forwarded-For and X-Forwarded-Proto from these addresses and nobody else."""
    if trusted:
        app.add_middleware(ProxyHeadersMiddleware, trusted_hosts=list(trusted))
    app.add_middleware(PeerWrittenDown)


def connected_from(request: Request) -> str:
    """Return the address of whoever holds the other end of the connection."""
    return str(request.scope.get(PEER, ""))
