"""The JSON API: the page's own acts with the page's own rules, and problems that say who and when."""

from __future__ import annotations

import json
from collections.abc import Callable

import httpx2 as httpx
import pytest
from sqlalchemy import Engine, text

from tests import worklist_cast as cast
from tests.accounts_cast import Member, person
from tests.integration.api.conftest import token_of
from tests.measure_cast import angles
from triage.accounts import tokens as secrets
from triage.domain.account import Role, Scope
from triage.domain.worklist import WorklistState
from triage.store import audit, marks, tokens, worklist
from triage.store.engine import transaction

Program = Callable[..., httpx.Client]


def refused(answer: httpx.Response, status: int, reason: str) -> dict[str, str]:
    """Return the problem, which must be a well-formed one."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    said = answer.json()
    assert said["reason"] == reason and said["status"] == status and said["detail"] and said["title"]
    assert answer.headers["cache-control"] == "no-store"
    return dict(said)


def test_a_program_reads_claims_and_completes_under_its_own_name(engine: Engine, program: Program) -> None:
    study_id = cast.image_arrives(engine, "one")
    bridge = program()
    (row,) = bridge.get("/worklist").json()["items"]
    assert (row["study_id"], row["patient_id"]) == (study_id, "SENTINEL-ID-one")
    done = bridge.post(f"/worklist/{study_id}/claim", json={"version": row["version"]})
    assert done.status_code == 200 and done.json()["claimed_by"] == "service:bridge"
    again = {"version": done.json()["version"]}
    assert bridge.post(f"/worklist/{study_id}/complete", json=again).json()["state"] == "COMPLETED"
    assert {entry.actor for entry in audit.entries(engine, study_id=study_id)} == {"service:bridge"}


def test_a_conflict_says_who_was_faster_and_a_stale_version_changes_nothing(
    engine: Engine, program: Program
) -> None:
    study_id = cast.image_arrives(engine, "wanted")
    worklist.claim(engine, study_id, "Dr B")
    bridge = program()
    said = refused(bridge.post(f"/worklist/{study_id}/claim", json={"version": 1}), 409, "taken")
    assert said["detail"].startswith("taken by Dr B at ")
    refused(bridge.post(f"/worklist/{study_id}/release", json={"version": 2}), 409, "taken")
    refused(bridge.post(f"/worklist/{study_id}/end-claim", json={"version": 2}), 403, "role")
    refused(bridge.post("/worklist/424242/claim", json={"version": 1}), 404, "worklist")
    assert worklist.row(engine, study_id).version == 2


def test_next_hands_each_study_to_one_program_and_then_says_that_there_is_none(
    engine: Engine, program: Program
) -> None:
    ids = [cast.image_arrives(engine, f"s{n}", waited_minutes=20 - n) for n in range(2)]
    for study_id in ids:
        cast.closed(engine, study_id)
    one, other = program("one"), program("other")
    assert [
        one.post("/worklist/next").json()["study_id"],
        other.post("/worklist/next").json()["study_id"],
    ] == ids
    assert one.post("/worklist/next").status_code == 204


def test_a_long_list_comes_in_pages_that_skip_and_repeat_nothing(engine: Engine, program: Program) -> None:
    ids = [cast.image_arrives(engine, f"s{n}", waited_minutes=50 - n) for n in range(7)]
    bridge, seen, after = program(), [], ""
    for _ in range(4):
        page = bridge.get(f"/worklist?limit=2{after}").json()
        seen += [row["study_id"] for row in page["items"]]
        after = f"&after={page['next']}"
    assert seen == ids and page["next"] is None
    for study_id in ids:
        worklist.complete(engine, study_id, "Dr A")
    read = bridge.get("/worklist?tab=read&limit=4").json()
    rest = bridge.get(f"/worklist?tab=read&limit=4&after={read['next']}").json()
    assert [row["study_id"] for row in read["items"] + rest["items"]] == ids[::-1] and rest["next"] is None


def test_the_list_is_narrowed_by_address_and_by_text_in_a_body_alone(
    engine: Engine, program: Program
) -> None:
    study_id = cast.image_arrives(engine, "one")
    cast.image_arrives(engine, "two", calling_ae="ED_CR", patient_name="OTHER^NAME")
    bridge = program()
    assert len(bridge.get("/worklist?source=ED_CR").json()["items"]) == 1
    assert bridge.get("/worklist?modality=CT").json()["items"] == []
    found = bridge.post("/worklist/search", json={"text": "SENTINEL-ACC-one"}).json()["items"]
    assert [row["study_id"] for row in found] == [study_id]
    refused(bridge.get("/worklist?modalty=CT"), 422, "query")
    assert bridge.get("/worklist/counts").json()["counts"]["unread"] == 2


def test_why_says_the_place_with_and_without_the_result_and_levels_only_in_assist_mode(
    engine: Engine, program: Program
) -> None:
    study_id = cast.image_arrives(engine, "flagged")
    cast.analysed(engine, study_id, cast.flagged(0.81))
    plain = program("plain").get(f"/worklist/{study_id}").json()
    assert (plain["position"], plain["analysis"]["outcome"]) == (1, "FLAGGED")
    assert plain["analysis"]["levels"] is None and plain["row"]["probability"] is None
    shown = program("assisting", product={"mode": "assist"}).get(f"/worklist/{study_id}").json()
    assert shown["analysis"]["levels"] == ["L1"] and shown["row"]["probability"] == 0.81
    assert shown["history"][0]["action"] == "analysis.succeed"


def test_why_says_the_pattern_of_the_curve_and_its_score_in_assist_mode_only(
    engine: Engine, program: Program
) -> None:
    study_id = cast.image_arrives(engine, "curved")
    cast.analysed(engine, study_id, cast.not_flagged(), cast.pattern())
    plain = program("plain").get(f"/worklist/{study_id}").json()["analysis"]["pattern"]
    assert (plain["outcome"], plain["frontal_uid"], plain["lateral_uid"]) == ("FLAGGED", "1.2.3", "1.2.4")
    assert plain["sentence"].startswith("Possible") and plain["probability"] is None
    shown = program("assisting", product={"mode": "assist"}).get(f"/worklist/{study_id}").json()
    assert shown["analysis"]["pattern"]["probability"] == 0.87


def test_why_says_the_angles_that_software_measured_and_why_another_was_not(
    engine: Engine, program: Program
) -> None:
    study_id = cast.image_arrives(engine, "measured")
    cast.analysed(engine, study_id, cast.not_flagged(), measures=angles("1.2.3"))
    cobb, lordosis = program("plain").get(f"/worklist/{study_id}").json()["analysis"]["angles"]
    assert (cobb["kind"], cobb["degrees"], cobb["standard_deviation"]) == ("COBB", 42.5, 2.1)
    assert (cobb["upper"], cobb["lower"], cobb["convex"]) == ("T5", "T12", "right")
    assert (lordosis["degrees"], lordosis["not_measurable"]) == (None, "LEVELS_UNKNOWN")
    assert lordosis["sentence"].startswith("Not measurable: ")


def test_a_label_is_set_by_a_program_and_a_note_by_a_person_alone(engine: Engine, program: Program) -> None:
    study_id = cast.image_arrives(engine, "one")
    bridge = program()
    address = f"/worklist/{study_id}/labels"
    assert bridge.post(address, json={"label": "teaching"}).status_code == 204
    refused(bridge.post(address, json={"label": "unheard-of"}), 403, "label")
    assert bridge.get(f"/worklist/{study_id}").json()["row"]["labels"] == ["teaching"]
    assert bridge.post(address, json={"label": "teaching", "on": False}).status_code == 204
    assert bridge.get("/worklist").json()["items"][0]["labels"] == []
    refused(bridge.post(f"/worklist/{study_id}/notes", json={"text": "SENTINEL"}), 403, "role")
    marks.write(engine, study_id, "Dr A", "ask for priors")
    detail = bridge.get(f"/worklist/{study_id}").json()
    assert detail["row"]["notes"] == 1
    assert [(note["reader"], note["text"]) for note in detail["notes"]] == [("Dr A", "ask for priors")]


def test_a_token_that_may_read_reads_and_one_that_is_over_does_nothing(
    engine: Engine, program: Program
) -> None:
    study_id = cast.image_arrives(engine, "one")
    looking = program("looking", Scope.READ)
    assert looking.get("/worklist").status_code == 200
    refused(looking.post(f"/worklist/{study_id}/claim", json={"version": 1}), 403, "scope")
    assert looking.get("/me").json()["rights"] == ["look"]
    tokens.revoke(engine, "looking", "admin")
    refused(looking.get("/worklist"), 401, "sign-in")
    late = program("late", scope=None)
    late.headers["authorization"] = f"Bearer {token_of(engine, 'late', days=-1)}"
    refused(late.get("/worklist"), 401, "sign-in")
    assert worklist.row(engine, study_id).version == 1


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer x", "Bearer spinetriage_wrong", "Basic YTpi", "spinetriage_x"]
)
def test_no_other_authorization_lets_anybody_in(engine: Engine, program: Program, header: str) -> None:
    cast.image_arrives(engine, "one")
    stranger = program(scope=None)
    stranger.headers["authorization"] = header
    answer = stranger.get("/worklist")
    refused(answer, 401, "sign-in")
    assert answer.headers["www-authenticate"].startswith("Bearer") and "SENTINEL" not in answer.text


def test_a_token_is_stored_as_its_digest_and_its_making_and_ending_are_audited(engine: Engine) -> None:
    made = token_of(engine, "bridge")
    assert len(made) > 50
    found = tokens.find(engine, secrets.digest_of(made))
    assert found is not None
    assert tokens.everyone(engine)[0].last_used_at is not None
    with transaction(engine) as connection:
        dump = str([tuple(row) for row in connection.execute(text("SELECT * FROM api_token")).all()])
    assert made not in dump and made not in json.dumps([str(entry) for entry in audit.entries(engine)])
    tokens.revoke(engine, "bridge", "boss")
    assert [entry.action for entry in audit.entries(engine)] == ["token.revoke", "token.create"]


def test_a_browsers_session_uses_the_api_with_its_form_token_and_not_without(
    engine: Engine, program: Program
) -> None:
    study_id = cast.image_arrives(engine, "one")
    person(engine, "Dr Ito", Role.READER)
    page = program(scope=None)
    refused(page.get("/worklist"), 401, "sign-in")
    page.base_url = httpx.URL("http://127.0.0.1")
    member = Member(page)
    member.sign_in("Dr Ito")
    me = member.get("/api/v1/me").json()
    assert (me["name"], me["role"]) == ("Dr Ito", "reader") and "end_claim" not in me["rights"]
    claim = f"/api/v1/worklist/{study_id}/claim"
    origin = {"origin": "http://127.0.0.1"}
    refused(page.post(claim, json={"version": 1}, headers=origin), 403, "form-token")
    token = {"x-form-token": me["form_token"]}
    assert page.post(claim, json={"version": 1}, headers=token).status_code == 403, "no origin"
    done = page.post(claim, json={"version": 1}, headers={**origin, **token})
    assert done.json()["claimed_by"] == "Dr Ito"
    opinion = f"/api/v1/worklist/{study_id}/opinion"
    cast.analysed(engine, study_id, cast.flagged())
    said = page.put(opinion, json={"verdict": "agree"}, headers={**origin, **token})
    assert said.status_code == 204
    assert page.request("DELETE", opinion, headers={**origin, **token}).status_code == 204
    assert worklist.row(engine, study_id).state is WorklistState.IN_PROGRESS


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"version": "one"},
        {"version": 0},
        {"version": 1, "SENTINEL": 1},
        {"version": 1, "note": "S" * 300},
    ],
)
def test_a_malformed_request_is_refused_without_being_repeated(
    engine: Engine, program: Program, body: dict[str, object]
) -> None:
    study_id = cast.image_arrives(engine, "one")
    bridge = program()
    said = refused(bridge.post(f"/worklist/{study_id}/pin", json=body), 422, "malformed")
    assert "SSS" not in str(said) and worklist.row(engine, study_id).version == 1
    refused(bridge.post(f"/worklist/{study_id}/delete", json={"version": 1}), 422, "malformed")
    refused(bridge.get("/nothing"), 404, "no-such-address")
    refused(bridge.delete("/worklist"), 405, "method")


def test_the_description_names_every_address_and_needs_no_other_host(program: Program) -> None:
    described = program(scope=None).get("/openapi.json").json()
    assert described["openapi"].startswith("3.1")
    assert {
        "/worklist",
        "/worklist/{study_id}",
        "/worklist/{study_id}/{act}",
        "/worklist/next",
        "/feed",
    } <= set(described["paths"])
    assert described["servers"] == [{"url": "/api/v1"}]
    assert "http://" not in json.dumps(described).replace("http://127.0.0.1", "")
