"""What the routes share: the room, its templates, and the frame that every page has."""

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
from triage.domain import angle
from triage.web import finding_words, labels, order_words, words
from triage.web.clocks import clock, clock_or_day
from triage.web.entry.doorkeeper import Doorkeeper
from triage.web.figures import AuditTail
from triage.web.flights import Flights
from triage.web.look import Look
from triage.web.page_ends import PageEnds
from triage.web.place import Where
from triage.web.reader import NOBODY, Reader, Readers
from triage.web.rows import RowCache
from triage.web.snapshot import Snapshot
from triage.web.worth import Worths
from triage.worklist.actions import Desk
from triage.worklist.feed import Hub
from triage.worklist.marks import Marks

STATIC = Path(__file__).parent / "static"


@dataclass(frozen=True, slots=True)
class Asset:
    """One file the page loads: its address changes with its bytes, and the browser checks them."""

    address: str
    integrity: str


@dataclass(frozen=True)
class Room:
    """Everything a route needs."""

    settings: Settings
    engine: Engine
    desk: Desk
    marks: Marks
    hub: Hub
    readers: Readers
    door: Doorkeeper
    page_ends: PageEnds
    templates: Environment = field(default_factory=lambda: _templates())
    rows: RowCache = field(default_factory=RowCache)
    flights: Flights[Snapshot] = field(default_factory=Flights)
    worths: Worths = field(default_factory=Worths)
    tail: AuditTail = field(default_factory=AuditTail)

    def reader(self, request: Request) -> Reader:
        """Return who sits at this browser, as `admitted` found out; nobody before it has."""
        found: Reader = getattr(request.state, "reader", NOBODY)
        return found


def room(request: Request) -> Room:
    """Return the room of this application."""
    found: Room = request.app.state.room
    return found


def wants_part(request: Request) -> bool:
    """Tell whether htmx asks; a page restored from the browser's history wants all of it."""
    return "hx-request" in request.headers and "hx-history-restore-request" not in request.headers


def render(here: Room, template: str, content: Mapping[str, Any], status: int = 200) -> HTMLResponse:
    """Answer with one template."""
    return HTMLResponse(here.templates.get_template(template).render(content), status)


def back(where: Where) -> Response:
    """Send a browser without scripts back to the page (a reload must not repeat the act)."""
    return Response(status_code=303, headers={"location": f"/{where.query}"})


def frame(here: Room, look: Look) -> dict[str, Any]:
    """Return what every page shows, even with the database away."""
    return {
        "words": words,
        "labels": labels,
        "order_words": order_words,
        "angle": angle,
        "finding_words": finding_words,
        "site": here.settings.product.site,
        "reader": NOBODY,
        "token": "",
        "look": look,
        "accounts": here.settings.web.accounts,
        "lock_minutes": here.settings.access.lock_minutes,
    }


def _templates() -> Environment:
    made = Environment(
        loader=PackageLoader("triage.web"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    made.lstrip_blocks = True
    made.globals["asset"] = {
        path.name: _asset(path) for path in STATIC.iterdir() if path.suffix in (".js", ".css")
    }
    made.filters["clock"] = clock
    made.filters["clock_or_day"] = clock_or_day
    made.filters["iso"] = datetime.isoformat
    return made


def _asset(path: Path) -> Asset:
    digest = hashlib.sha384(path.read_bytes())
    integrity = "sha384-" + base64.b64encode(digest.digest()).decode()
    return Asset(f"/static/{path.name}?v={digest.hexdigest()[:12]}", integrity)
