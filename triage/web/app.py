"""The application: guard, routes, and the feed that lives as long as it does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from fastapi import Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, PlainTextResponse, Response
from sqlalchemy import Engine
from starlette.staticfiles import StaticFiles

from triage.accounts.provider import Provider
from triage.config import Settings
from triage.domain.errors import TriageError, Unavailable
from triage.web import acts, live, marks, opening, operations, pages, policy, preferences, probes, search
from triage.web.api.application import AT, create_api
from triage.web.entry import answers, naming
from triage.web.entry import pages as entry_pages
from triage.web.entry import provider as entry_provider
from triage.web.entry.admission import admitted
from triage.web.entry.doorkeeper import Doorkeeper
from triage.web.entry.forwarded import add_forwarding
from triage.web.entry.proxied import Proxied
from triage.web.entry.upkeep import keep_up
from triage.web.guard import Guard
from triage.web.look import COOKIE, Look
from triage.web.page_ends import PageEnds
from triage.web.reader import Readers, load_secret
from triage.web.room import STATIC, Room, frame, render, room, wants_part
from triage.worklist.actions import Desk
from triage.worklist.feed import Feed, Hub
from triage.worklist.marks import Marks

EXPIRE_SECONDS = 15.0


def create_app(settings: Settings, engine: Engine) -> FastAPI:
    """Return the page as an ASGI application; the feed runs while its lifespan is open."""
    app = FastAPI(title="Spine triage", docs_url=None, redoc_url=None, openapi_url=None, lifespan=_lifespan)
    secret = load_secret(settings.home / "secrets")
    readers = Readers(secret)
    access = settings.access
    door = Doorkeeper(settings, engine, readers, Proxied(access.proxy, engine) if access.proxy else None)
    hub = Hub(settings.web.feeds_most, settings.web.feeds_per_reader)
    desk, left = Desk.of(settings, engine), Marks.of(settings, engine)
    app.state.room = Room(settings, engine, desk, left, hub, readers, door, PageEnds(secret))
    app.add_middleware(Guard, hosts=(settings.web.host, *settings.web.allowed_hosts))
    add_forwarding(app, settings.web.trusted_proxies)
    for part in (pages, search, preferences, opening, marks, acts, live, operations, policy):
        app.include_router(part.router, dependencies=[Depends(admitted)])
    app.include_router(probes.router)
    app.include_router(naming.router if settings.web.accounts == "name" else entry_pages.router)
    if settings.web.accounts == "oidc" and access.oidc is not None:
        app.state.provider = Provider(access.oidc)
        app.include_router(entry_provider.router)
    app.mount(AT, create_api(app.state.room))
    app.mount("/static", StaticFiles(directory=STATIC))
    answers.add_answers(app)
    app.add_exception_handler(Unavailable, _list_unavailable)
    app.add_exception_handler(RequestValidationError, _malformed)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    here: Room = app.state.room
    loop = asyncio.get_running_loop()
    # From the server's thread: feeds that stay open would hold up the stop.
    app.state.end_feeds = lambda: _on_loop(loop, here.hub.end)
    feed = Feed(here.engine, lambda event: _on_loop(loop, here.hub.broadcast, event))
    feed.start()
    expiring = asyncio.create_task(_expire(here.desk))
    keeping = asyncio.create_task(keep_up(here))
    try:
        yield
    finally:
        expiring.cancel()
        keeping.cancel()
        here.hub.end()
        await asyncio.to_thread(feed.stop)


def _on_loop(loop: asyncio.AbstractEventLoop, call: Callable[..., None], *arguments: object) -> None:
    with suppress(RuntimeError):  # the loop is closed: nobody is left to tell
        loop.call_soon_threadsafe(call, *arguments)


async def _expire(desk: Desk) -> None:
    """Give back studies whose claim ran out, so that a forgotten claim is seen to end."""
    while True:
        with suppress(TriageError):
            await asyncio.to_thread(desk.expire)
        await asyncio.sleep(EXPIRE_SECONDS)


async def _list_unavailable(request: Request, trouble: Exception) -> Response:
    """Say plainly that the list is away; studies are still received without it."""
    if wants_part(request):
        answer: Response = PlainTextResponse("The list is unavailable.", 503)
    else:
        look = Look.read(request.cookies.get(COOKIE))
        answer = render(room(request), "unavailable.html", frame(room(request), look), 503)
    answer.headers["retry-after"] = "5"
    return answer


async def _malformed(request: Request, trouble: Exception) -> Response:
    """Answer a request that no link or form of ours makes; nothing of it is repeated back."""
    return HTMLResponse("This page does not understand that address.", 400)
