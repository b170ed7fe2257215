"""For orchestrators and Prometheus: alive, ready, figures. No patient data, no addresses."""

from __future__ import annotations

import shutil
from importlib.metadata import version

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from triage import metrics
from triage.domain.errors import Unavailable
from triage.domain.policy import PolicyName
from triage.store import engine as store_engine
from triage.store import schema, situation, worklist_guard, worklist_policy
from triage.web.room import Room, room

router = APIRouter()


@router.get("/livez")
async def alive() -> dict[str, str]:
    """Say that the event loop turns."""
    return {"status": "alive"}


@router.get("/readyz")
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
def figures(request: Request) -> Response:
    """Return every figure; those of the whole installation are read from its rows now."""
    _read_figures(room(request))
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


def _read_figures(here: Room) -> None:
    if here.settings.spool_root.exists():
        metrics.DISK_FREE.set(shutil.disk_usage(here.settings.spool_root).free)
    metrics.BUILD.labels(version("spine-triage")).set(1)
    metrics.DB_POOL.set(store_engine.in_use(here.engine))
    try:
        found = situation.figures(here.engine)
        stands = situation.situation(here.engine)
        guard = worklist_guard.share(here.engine)
        order = worklist_policy.current(here.engine, here.settings.order_policy()).policy
    except Unavailable:
        return
    for gauge, by_label in (
        (metrics.STUDIES, found.studies),
        (metrics.QUEUE_DEPTH, found.analyses),
        (metrics.SEND_BACKLOG, found.undelivered),
    ):
        gauge.clear()
        for label, count in by_label.items():
            gauge.labels(label).set(count)
    metrics.WORKLIST_UNREAD.set(found.unread)
    metrics.GUARD_SHARE.set(guard.share)
    metrics.ORDER_STOPPED.set(order.name == PolicyName.HUMAN)
    metrics.QUEUE_OLDEST.set(stands.oldest_analysis_s)
    metrics.MODEL.clear()
    for model in stands.models:
        metrics.MODEL.labels(model.name, model.version, model.digest[:12]).set(1)
