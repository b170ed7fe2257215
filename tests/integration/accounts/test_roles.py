"""What each role may do at the page, and that no form is open by oversight."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fastapi.routing import APIRoute
from sqlalchemy import Engine

from tests import worklist_cast as cast
from tests.accounts_cast import Member, person
from tests.web_site import settings_for
from triage.domain.account import Role
from triage.domain.worklist import WorklistState
from triage.store import marks, worklist
from triage.web import create_app
from triage.web.entry.rights import ACT_ROUTE, ACTS, FORMS
from triage.worklist.actions import Act

Open = Callable[..., Member]
OWN = {
    "/sign-in",
    "/sign-out",
    "/session/unlock",
    "/session/seen",
    "/account/password",
    "/account/end-sessions",
}


def forms(engine: Engine, home: Path) -> Iterator[APIRoute]:
    app = create_app(settings_for(home, "", web={"accounts": "local"}), engine)
    for route in app.routes:
        if isinstance(route, APIRoute) and route.methods and "POST" in route.methods:
            yield route


def test_every_form_and_verb_has_its_right(engine: Engine, tmp_path: Path) -> None:
    paths = {route.path for route in forms(engine, tmp_path)}
    assert paths - OWN - {ACT_ROUTE} <= set(FORMS), "name the right of a new form in entry/rights.py"
    assert set(Act) <= set(ACTS)


def test_no_form_does_anything_without_its_sessions_token(
    engine: Engine, browser: Open, tmp_path: Path
) -> None:
    study_id = cast.image_arrives(engine, "one")
    person(engine, "boss", Role.ADMIN)
    reader = browser()
    reader.sign_in("boss")
    for route in forms(engine, tmp_path):
        if route.path in ("/sign-in", "/session/unlock", "/session/seen", "/look"):
            continue
        path = route.path.format(study_id=study_id, act="claim", view_id=1, number=1)
        for token in ("", "forged"):
            answer = reader.post(path, token=token, version=1, reason="other", note="x", name="x")
            assert answer.status_code in (400, 403), (path, answer.status_code)
    assert worklist.row(engine, study_id).version == 1
    assert reader.get().status_code == 200


@pytest.mark.parametrize(
    ("role", "verb", "status"),
    [
        (Role.VIEWER, "claim", 403),
        (Role.VIEWER, "pin", 403),
        (Role.READER, "claim", 303),
        (Role.READER, "pin", 303),
        (Role.READER, "end-claim", 403),
        (Role.ADMIN, "claim", 303),
    ],
)
def test_a_role_does_what_its_table_says(
    engine: Engine, browser: Open, role: Role, verb: str, status: int
) -> None:
    study_id = cast.image_arrives(engine, "one")
    person(engine, "somebody", role)
    reader = browser()
    reader.sign_in("somebody")
    form = reader.own_token()
    answer = reader.post(f"/studies/{study_id}/{verb}", token=form, version=1)
    assert answer.status_code == status
    if status == 403:
        assert f"Your role ({role}) cannot" in answer.text
        assert worklist.row(engine, study_id).version == 1


def test_a_note_is_taken_away_by_its_writer_or_a_lead_and_a_viewer_writes_none(
    engine: Engine, browser: Open
) -> None:
    study_id = cast.image_arrives(engine, "noted")
    numbers = [marks.write(engine, study_id, name, "SENTINEL") for name in ("writer", "other", "third")]
    for name, role in (("writer", Role.READER), ("chief", Role.LEAD), ("looks", Role.VIEWER)):
        person(engine, name, role)

    def withdraws(name: str, number: int) -> int:
        member = browser()
        member.sign_in(name)
        address = f"/studies/{study_id}/notes/{number}/withdraw"
        return member.post(address, token=member.own_token()).status_code

    assert [withdraws("writer", number) for number in numbers[:2]] == [303, 403]
    assert withdraws("chief", numbers[1]) == 303
    assert withdraws("looks", numbers[2]) == 403
    assert worklist.row(engine, study_id).notes == 1
    looking = browser()
    looking.sign_in("looks")
    assert 'id="note-text"' not in looking.get(f"/?study={study_id}").text
    answer = looking.post(f"/studies/{study_id}/notes", token=looking.own_token(), text="x")
    assert answer.status_code == 403 and "Your role (viewer) cannot write a note" in answer.text


def test_a_lead_ends_another_readers_claim(engine: Engine, browser: Open) -> None:
    study_id = cast.image_arrives(engine, "held")
    worklist.claim(engine, study_id, "Dr Away")
    person(engine, "chief", Role.LEAD)
    lead = browser()
    lead.sign_in("chief")
    assert lead.act("release", study_id, 2).status_code == 409
    assert lead.act("end-claim", study_id, 2).status_code == 303
    assert worklist.row(engine, study_id).state is WorklistState.SCHEDULED


def test_the_mode_name_knows_no_passwords_and_the_mode_local_no_typed_names(
    engine: Engine, browser: Open
) -> None:
    person(engine)
    assert browser(web={"accounts": "name"}).sign_in("Dr Ito").status_code == 404
    stranger = browser()
    assert stranger.post("/reader", name="Dr Ito").status_code == 404
    from triage.web.reader import COOKIE, Readers, load_secret

    secret = load_secret(stranger.home / "secrets")
    stranger.client.cookies.set(COOKIE, Readers(secret).cookie("Dr Ito"))
    assert stranger.get().status_code == 401
