"""The order through the API: which policy, since when, by whom and why; stopping it and going back."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request

from triage.domain.account import Right
from triage.store import worklist_policy
from triage.web.api.admission import needs
from triage.web.api.models import ROW_ID
from triage.web.api.order_models import Changed, Policies, Why
from triage.web.reader import Reader
from triage.web.room import room

router = APIRouter(prefix="/policy", tags=["policy"])
Looking = Annotated[Reader, Depends(needs(Right.LOOK))]
Stopping = Annotated[Reader, Depends(needs(Right.STOP_POLICY))]


@router.get("")
def policies(
    request: Request,
    reader: Looking,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
    before: Annotated[int | None, Query(ge=1, le=ROW_ID)] = None,
) -> Policies:
    """Say which policy orders the list, and which ones did, a page at a time."""
    here = room(request)
    found = worklist_policy.history(here.engine, here.desk.policy, limit + 1, before)
    shown = found[:limit]
    return Policies.of(here.desk.order(), shown, shown[-1].id if len(found) > limit else None)


@router.post("/stop")
def stop(request: Request, reader: Stopping, why: Why) -> Changed:
    """Order by requested class alone from now on; 409 says who was faster, or what is in force instead."""
    return Changed.of(room(request).desk.stop_policy(reader.name, why.reason, why.seen))


@router.post("/resume")
def resume(request: Request, reader: Stopping, why: Why) -> Changed:
    """Go back to the order that a stop put aside; 409 when nothing was stopped, or another is in force than was seen."""
    return Changed.of(room(request).desk.resume_policy(reader.name, why.reason, why.seen))
