"""For orchestrators and Prometheus: alive, ready, figures. No patient data, no addresses."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from triage.store import engine as store_engine
from triage.store import schema
from triage.web.figures import read
from triage.web.room import room

router = APIRouter()


@router.get("/livez")
@router.head("/livez")
async def alive() -> dict[str, str]:
    """Say that the event loop turns."""
    return {"status": "alive"}


@router.get("/readyz")
@router.head("/readyz")
def ready(request: Request) -> JSONResponse:
    """Say whether the page can do its work now, and what is missing."""
    here = room(request)
    database = store_engine.answers(here.engine)
    checks = {
        "database": database,
        "schema": database and schema.current(here.engine) == schema.head(),
        "feed": here.hub.live,
    }
    return JSONResponse(
        {name: "ok" if good else "missing" for name, good in checks.items()},
        200 if all(checks.values()) else 503,
    )


@router.get("/metrics")
@router.head("/metrics")
def figures(request: Request) -> Response:
    """Return every figure; those of the whole installation are read from its rows now."""
    read(room(request))
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)
