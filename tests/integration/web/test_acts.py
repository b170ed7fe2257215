"""What a reader does, through the door: versions, conflicts in words, and who may not."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from sqlalchemy import Engine

from tests import worklist_cast as cast
from tests.web_site import PlainReader
from triage.domain.worklist import WorklistState
from triage.store import audit, worklist

Open = Callable[..., PlainReader]


def test_claim_read_undo_without_a_script(engine: Engine, sit_down: Open) -> None:
    study_id = cast.image_arrives(engine, "one")
    reader = sit_down("Dr A")
    answer = reader.act("claim", study_id, 1)
    assert (answer.status_code, answer.headers["location"]) == (303, "/?tab=unread")
    assert reader.act("complete", study_id, 2).status_code == 303
    assert worklist.row(engine, study_id).state is WorklistState.COMPLETED
    assert "Read by Dr A" in reader.get("/?tab=read").text
    assert reader.act("reopen", study_id, 3).status_code == 303
    assert worklist.row(engine, study_id).state is WorklistState.SCHEDULED
    assert [entry.actor for entry in audit.entries(engine, study_id=study_id)] == ["Dr A"] * 3


def test_a_claim_that_came_second_is_told_who_was_first(engine: Engine, sit_down: Open) -> None:
    study_id = cast.image_arrives(engine, "wanted")
    worklist.claim(engine, study_id, "Dr B")
    answer = sit_down("Dr A").act("claim", study_id, 1)
    assert answer.status_code == 409
    assert re.search(r"Nothing changed: Taken by Dr B at \d\d:\d\d\.", answer.text)
    assert f'<tr id="s{study_id}"' in answer.text, "the reader sees the list as it is now"


def test_next_claims_the_first_study_and_opens_it(engine: Engine, sit_down: Open) -> None:
    study_id = cast.image_arrives(engine, "first")
    cast.closed(engine, study_id)
    reader = sit_down("Dr A")
    answer = reader.post("/next", token=reader.token())
    assert answer.headers["location"] == f"/?tab=unread&study={study_id}"
    assert worklist.row(engine, study_id).claimed_by == "Dr A"
    assert "Nothing is waiting that nobody reads." in reader.post("/next", token=reader.token()).text


def test_a_pin_carries_its_reason_onto_the_list(engine: Engine, sit_down: Open) -> None:
    study_id = cast.image_arrives(engine, "pinned")
    reader = sit_down("Dr Ito")
    reader.act("pin", study_id, 1, note="surgeon waiting", study=study_id)
    assert "Pinned by Dr Ito: surgeon waiting" in reader.get().text
    reader.act("unpin", study_id, 2)
    assert worklist.row(engine, study_id).pinned_by == ""


def test_htmx_gets_the_list_and_the_message_in_place(engine: Engine, sit_down: Open) -> None:
    study_id = cast.image_arrives(engine, "live")
    reader = sit_down("Dr A")
    token = reader.token()
    reader.client.headers["hx-request"] = "true"
    answer = reader.post(f"/studies/{study_id}/complete", token=token, version=1)
    assert answer.status_code == 200 and answer.headers["hx-push-url"] == "/?tab=unread"
    assert answer.text.lstrip().startswith('<div id="page"') and "<html" not in answer.text
    assert 'hx-swap-oob="true"' in answer.text and "Undo" in answer.text


def test_nobody_acts_without_a_name(engine: Engine, sit_down: Open) -> None:
    study_id = cast.image_arrives(engine, "nameless")
    answer = sit_down("").post(f"/studies/{study_id}/claim", token="", version=1)
    assert answer.status_code == 403 and "Say who you are first." in answer.text
    assert worklist.row(engine, study_id).claimed_by == ""


@pytest.mark.parametrize("token", ["", "forged", "WyJ4Il0.abc"])
def test_a_form_of_another_session_is_refused(engine: Engine, sit_down: Open, token: str) -> None:
    study_id = cast.image_arrives(engine, "forged")
    answer = sit_down("Dr A").post(f"/studies/{study_id}/claim", token=token, version=1)
    assert answer.status_code == 403
    assert worklist.row(engine, study_id).claimed_by == ""


def test_a_form_of_another_reader_is_refused(engine: Engine, sit_down: Open) -> None:
    study_id = cast.image_arrives(engine, "other")
    theirs = sit_down("Dr B").token()
    assert sit_down("Dr A").post(f"/studies/{study_id}/claim", token=theirs, version=1).status_code == 403


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:9999"},
        {"origin": "http://127.0.0.1", "sec-fetch-site": "cross-site"},
    ],
)
def test_an_act_from_another_site_is_refused(engine: Engine, sit_down: Open, headers: dict[str, str]) -> None:
    study_id = cast.image_arrives(engine, "csrf")
    reader = sit_down("Dr A")
    fields = {"token": reader.token(), "version": "1"}
    answer = reader.client.post(f"/studies/{study_id}/claim", data=fields, headers=headers)
    assert answer.status_code == 403
    assert worklist.row(engine, study_id).claimed_by == ""


def test_a_form_without_a_version_or_with_an_unknown_verb_changes_nothing(
    engine: Engine, sit_down: Open
) -> None:
    study_id = cast.image_arrives(engine, "versionless")
    reader = sit_down("Dr A")
    assert reader.post(f"/studies/{study_id}/claim", token=reader.token()).status_code == 403
    assert reader.act("delete", study_id, 1).status_code == 400
    assert reader.act("claim", 424242, 1).status_code == 404
    assert worklist.row(engine, study_id).version == 1


def test_a_name_that_is_none_is_refused_in_words(engine: Engine, sit_down: Open) -> None:
    answer = sit_down("").post("/reader", name="system")
    assert answer.status_code == 400 and "a reader&#39;s name has 1 to 64 letters" in answer.text


def test_leaving_forgets_the_name(engine: Engine, sit_down: Open) -> None:
    reader = sit_down("Dr A")
    assert "Next study" in reader.get().text
    reader.post("/reader/leave")
    assert "Next study" not in reader.get().text
