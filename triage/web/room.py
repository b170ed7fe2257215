"""What the routes share, and how a page is put together from one read of the database."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse, Response
from jinja2 import Environment, PackageLoader, StrictUndefined
from sqlalchemy import Engine

from triage.config import Settings
from triage.domain.errors import NotFound
from triage.domain.worklist import Tab, WorklistDetail, WorklistRow
from triage.store import situation, worklist
from triage.web import words
from triage.web.reader import COOKIE, Reader, Readers
from triage.worklist.actions import Desk
from triage.worklist.feed import Hub

STATIC = Path(__file__).parent / "static"
PAGE_ROWS = 200


@dataclass(frozen=True, slots=True)
class Asset:
    """One file the page loads: its address changes with its bytes, and the browser checks them."""

    address: str
    integrity: str


@dataclass(frozen=True, slots=True)
class Message:
    """What an act has to say; `undo` is the row as the act left it, if it can be undone."""

    text: str = ""
    trouble: bool = False
    undo: WorklistRow | None = None


@dataclass(frozen=True, slots=True)
class Where:
    """Which part of the list the reader looks at, and which study is open beside it."""

    tab: Tab = Tab.UNREAD
    study: int | None = None

    @property
    def query(self) -> str:
        """Return it as an address: opaque row ids, never a patient."""
        return f"?tab={self.tab}" + (f"&study={self.study}" if self.study is not None else "")


@dataclass(frozen=True)
class Room:
    """Everything a route needs."""

    settings: Settings
    engine: Engine
    desk: Desk
    hub: Hub
    readers: Readers
    templates: Environment = field(default_factory=lambda: _templates())

    def reader(self, request: Request) -> Reader:
        """Return who sits at this browser."""
        return self.readers.read(request.cookies.get(COOKIE))


def room(request: Request) -> Room:
    """Return the room of this application."""
    found: Room = request.app.state.room
    return found


def show(
    request: Request,
    where: Where,
    message: Message = Message(),
    *,
    status: int = 200,
) -> HTMLResponse:
    """Answer with the whole page, or with the part that htmx puts in its place."""
    here = room(request)
    part = "part.html" if wants_part(request) else "page.html"
    return render(here, part, _content(here, here.reader(request), where, message), status)


def wants_part(request: Request) -> bool:
    """Tell whether htmx asks; a page restored from the browser's history wants all of it."""
    return "hx-request" in request.headers and "hx-history-restore-request" not in request.headers


def render(here: Room, template: str, content: Mapping[str, Any], status: int = 200) -> HTMLResponse:
    """Answer with one template."""
    return HTMLResponse(here.templates.get_template(template).render(content), status)


def back(where: Where) -> Response:
    """Send a browser without scripts back to the page (a reload must not repeat the act)."""
    return Response(status_code=303, headers={"location": f"/{where.query}"})


def frame(here: Room) -> dict[str, Any]:
    """Return what every page shows, even with the database away."""
    return {"words": words, "site": here.settings.product.site, "reader": Reader(), "token": ""}


def _content(here: Room, reader: Reader, where: Where, message: Message) -> dict[str, Any]:
    stands = situation.situation(here.engine)
    return {
        **frame(here),
        "reader": reader,
        "token": here.readers.token(reader),
        "where": where,
        "tabs": worklist.counts(here.engine, reader.name),
        "rows": worklist.page(here.engine, where.tab, limit=PAGE_ROWS, reader=reader.name),
        "opened": _opened(here, where.study),
        "message": message,
        "stands": stands,
        "now": stands.now,
        "today": stands.now.astimezone().date(),
        "assist": here.settings.product.mode == "assist",
    }


def _opened(here: Room, study: int | None) -> WorklistDetail | None:
    if study is None:
        return None
    try:
        return worklist.detail(here.engine, study)
    except NotFound:
        return None


def _templates() -> Environment:
    made = Environment(
        loader=PackageLoader("triage.web"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    made.lstrip_blocks = True
    made.globals["asset"] = {
        path.name: _asset(path) for path in STATIC.iterdir() if path.suffix in (".js", ".css")
    }
    made.filters["clock"] = words.clock
    made.filters["iso"] = datetime.isoformat
    return made


def _asset(path: Path) -> Asset:
    digest = hashlib.sha384(path.read_bytes())
    integrity = "sha384-" + base64.b64encode(digest.digest()).decode()
    return Asset(f"/static/{path.name}?v={digest.hexdigest()[:12]}", integrity)
