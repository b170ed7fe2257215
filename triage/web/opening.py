"""Opening a study elsewhere: viewers by address template, each opening audited; the key image and, in assist
mode alone, its attention map.

Refuses anybody who did not say who they are, and links of other sites. An address for a viewer may hold the
Study Instance UID and the accession number that the viewer needs, never a name or a patient id; nothing of it
is logged.
"""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Query, Request
from fastapi.responses import PlainTextResponse, Response

from triage.domain.errors import NotFound
from triage.store import openings, previews
from triage.web import labels
from triage.web.entry.own_steps import demand_own_step
from triage.web.room import room

router = APIRouter()
AnalysisId = Annotated[int, Query(ge=1, lt=2**62)]
NOBODY = "Say who you are first."
NEVER_KEPT = {"cache-control": "no-store"}


@router.get("/studies/{study_id}/viewer/{number}")
def open_viewer(request: Request, study_id: int, number: int) -> Response:
    """Remember who opens the study, and send the browser to the viewer."""
    demand_own_step(request)
    here = room(request)
    reader = here.reader(request)
    if not reader.name:
        return PlainTextResponse(NOBODY, 403)
    viewers = here.settings.web.viewers
    if not 0 <= number < len(viewers):
        return PlainTextResponse("There is no such viewer.", 404)
    try:
        named = openings.opened(here.engine, study_id, reader.name, viewers[number].name)
    except NotFound:
        return PlainTextResponse("There is no such study.", 404)
    address = viewers[number].url.format(
        study_uid=quote(named.study_instance_uid, safe=""), accession=quote(named.accession_number, safe="")
    )
    return Response(status_code=303, headers={"location": address})


@router.get("/studies/{study_id}/preview")
def preview(request: Request, study_id: int, of: AnalysisId) -> Response:
    """Return the compressed picture of the key image of one answer; never kept by the browser."""
    here = room(request)
    if not here.reader(request).name:
        return PlainTextResponse(NOBODY, 403)
    try:
        found = previews.find(here.engine, study_id, of)
    except NotFound:
        return PlainTextResponse("There is no picture of this study.", 404)
    return Response(found.content, media_type=found.media_type, headers=NEVER_KEPT)


@router.get("/studies/{study_id}/attention")
def attention(request: Request, study_id: int, of: AnalysisId) -> Response:
    """Return the attention map that lies over the key image of one answer, where the site shows one."""
    here = room(request)
    if not here.reader(request).name:
        return PlainTextResponse(NOBODY, 403)
    if here.settings.product.mode != "assist":
        return PlainTextResponse(labels.MAP_NOT_SHOWN, 403)
    try:
        found = previews.find_attention(here.engine, study_id, of)
    except NotFound:
        return PlainTextResponse(labels.NO_MAP, 404)
    return Response(found, media_type="image/png", headers=NEVER_KEPT)
