"""Who may look at the operations page, and who may ask again from it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import Engine

from tests.accounts_cast import Member, person
from tests.integration.web.operations_cast import failed
from triage.domain.account import Role

Open = Callable[..., Member]


@pytest.mark.parametrize(
    ("role", "looks", "asks"),
    [(Role.VIEWER, 403, 403), (Role.READER, 403, 403), (Role.LEAD, 200, 403), (Role.ADMIN, 200, 200)],
)
def test_a_lead_looks_and_an_admin_asks_again(
    engine: Engine, browser: Open, role: Role, looks: int, asks: int
) -> None:
    study_id = failed(engine, "broken", "timeout")
    person(engine, "somebody", role)
    one = browser()
    one.sign_in("somebody")
    assert one.get("/operations").status_code == looks
    assert ("Operations</a>" in one.get("/").text) == (looks == 200)
    answer = one.post("/operations/requeue", token=one.own_token(), reason="timeout", item=[study_id])
    assert answer.status_code == asks
