"""A person's notes through the API: written, withdrawn by the writer or a lead, brought back."""

from __future__ import annotations

from collections.abc import Callable

import httpx2 as httpx
from sqlalchemy import Engine

from tests import worklist_cast as cast
from tests.accounts_cast import Member, person
from tests.integration.api.test_worklist import refused
from triage.domain.account import Role
from triage.store import worklist

Program = Callable[..., httpx.Client]


def test_a_note_is_withdrawn_by_its_writer_or_a_lead_and_comes_back(engine: Engine, program: Program) -> None:
    study_id = cast.image_arrives(engine, "noted")
    wire = program()._transport

    def asks(name: str, role: Role) -> Callable[..., httpx.Response]:
        person(engine, name, role)
        member = Member(httpx.Client(transport=wire, base_url="http://127.0.0.1"))
        member.sign_in(name)
        form = {"x-form-token": member.client.get("/api/v1/me").json()["form_token"], "origin": member.origin}

        def ask(method: str, path: str = "", **body: str) -> httpx.Response:
            address = f"/api/v1/worklist/{study_id}/notes{path}"
            return member.client.request(method, address, headers=form, json=body or None)

        return ask

    writer, other, lead = (
        asks(name, role) for name, role in (("Dr A", Role.READER), ("Dr B", Role.READER), ("Dr C", Role.LEAD))
    )
    made = writer("POST", text="ask for priors")
    assert made.status_code == 201, made.text
    path = f"/{made.json()['id']}"
    refused(other("DELETE", path), 403, "note")
    assert worklist.row(engine, study_id).notes == 1
    assert writer("DELETE", path).status_code == 204
    refused(writer("DELETE", path), 409, "note")
    assert worklist.row(engine, study_id).notes == 0
    assert lead("PUT", path).status_code == 204
    assert worklist.row(engine, study_id).notes == 1
    assert lead("DELETE", path).status_code == 204
    refused(writer("DELETE", "/9999"), 404, "note")
