"""The API as an application of its own below /api/v1, in the page's room and behind the page's guard."""

from __future__ import annotations

from fastapi import Depends, FastAPI

from triage.web.api import marks, policy, rest, worklist
from triage.web.api.admission import no_strays
from triage.web.api.problems import RESPONSES, Problem, add_problems
from triage.web.room import Room

AT = "/api/v1"
VERSION = "1.0.0"
DESCRIPTION = (
    "All that the reading worklist's page does. A triage aid, not for diagnosis; unflagged studies are not cleared. "
    "Send a token (`triage token create`) as `Authorization: Bearer`, or a browser's session with its X-Form-Token."
)


def create_api(here: Room) -> FastAPI:
    """Return the application; its description is served at /api/v1/openapi.json."""
    api = FastAPI(
        title="Spine triage",
        version=VERSION,
        description=DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
        responses=RESPONSES,
    )
    api.state.room = here
    for part in (marks, worklist, policy, rest):
        api.include_router(part.router, dependencies=[Depends(no_strays)])
    add_problems(api)
    _describe(api)
    return api


def _describe(api: FastAPI) -> None:
    """Name the problem's shape and the two ways in, once for all routes."""
    plain = api.openapi

    def openapi() -> dict[str, object]:
        described = plain()
        parts = described.setdefault("components", {})
        parts.setdefault("schemas", {})["Problem"] = Problem.model_json_schema()
        parts["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
        described["security"] = [{"token": []}]
        return described

    api.openapi = openapi  # type: ignore[method-assign]  # FastAPI's own way to extend the description
