"""The order through the API: who may stop it, who was faster, and the figures behind a place."""

from __future__ import annotations

from collections.abc import Callable

import httpx2 as httpx
from sqlalchemy import Engine

from tests import worklist_cast as cast
from tests.accounts_cast import Member, person
from tests.integration.api.test_worklist import refused
from triage.domain.account import Role
from triage.domain.policy import OrderPolicy
from triage.store import worklist_policy

Program = Callable[..., httpx.Client]


def _form(lead: Member) -> dict[str, str]:
    me = lead.client.get("/api/v1/me").json()
    return {"x-form-token": me["form_token"], "origin": lead.origin}


def test_a_lead_stops_and_resumes_and_the_history_says_so(engine: Engine, program: Program) -> None:
    bridge = program()
    older, flagged = (cast.image_arrives(engine, name, waited_minutes=w) for name, w in (("o", 9), ("f", 1)))
    cast.answer(engine, flagged, cast.flagged())
    person(engine, "Dr B", Role.LEAD)
    lead = Member(httpx.Client(transport=bridge._transport, base_url="http://127.0.0.1"))
    assert lead.sign_in("Dr B").status_code == 303
    assert lead.client.post("/api/v1/policy/stop", json={"reason": "x"}).status_code == 403, "no token"
    at = "/api/v1/policy"
    done = lead.client.post(f"{at}/stop", json={"reason": "odd flags"}, headers=_form(lead))
    assert done.status_code == 200, done.text
    assert (done.json()["before"]["name"], done.json()["policy"]["name"], done.json()["moved"]) == (
        "seniority",
        "human",
        2,
    )
    assert cast.order(engine) == [older, flagged]
    late = refused(
        lead.client.post(f"{at}/stop", json={"reason": "me too"}, headers=_form(lead)), 409, "policy"
    )
    assert late["detail"] == "the order is by requested class already (odd flags, by Dr B)"
    assert lead.client.post(f"{at}/resume", json={"reason": "ok"}, headers=_form(lead)).status_code == 200
    again = lead.client.post(f"{at}/resume", json={"reason": "ok"}, headers=_form(lead))
    refused(again, 409, "policy")
    first = bridge.get("/policy", params={"limit": 1}).json()
    assert (first["current"]["name"], first["stopped"], first["resumes_to"]) == ("seniority", False, None)
    assert [one["reason"] for one in first["history"]] == ["ok"]
    rest = bridge.get("/policy", params={"before": first["next"]}).json()
    assert [one["reason"] for one in rest["history"]] == ["odd flags"] and rest["next"] is None


def test_a_stop_that_was_decided_on_another_order_is_refused(engine: Engine, program: Program) -> None:
    bridge = program()
    person(engine, "Dr B", Role.LEAD)
    lead = Member(httpx.Client(transport=bridge._transport, base_url="http://127.0.0.1"))
    assert lead.sign_in("Dr B").status_code == 303
    human = OrderPolicy(name="human")
    for policy, why in ((human, "a trial"), (OrderPolicy(), "over")):
        worklist_policy.change(engine, OrderPolicy(), policy, "Dr C", why)
    stop = {"reason": "odd flags", "seen": 0}
    late = refused(
        lead.client.post("/api/v1/policy/stop", json=stop, headers=_form(lead)), 409, "policy-changed"
    )
    assert "it is seniority B=2880 now (over, by Dr C)" in late["detail"]
    stop["seen"] = bridge.get("/policy").json()["current"]["id"]
    assert lead.client.post("/api/v1/policy/stop", json=stop, headers=_form(lead)).status_code == 200


def test_a_program_may_look_at_the_order_and_not_stop_it(engine: Engine, program: Program) -> None:
    bridge = program()
    now = bridge.get("/policy").json()
    assert now["current"]["name"] == "seniority" and now["current"]["id"] is None and now["history"] == []
    for verb in ("stop", "resume"):
        assert bridge.post(f"/policy/{verb}", json={"reason": "because"}).status_code == 403
        assert bridge.post(f"/policy/{verb}", json={"reason": ""}).status_code in (403, 422)
    assert worklist_policy.history(engine, OrderPolicy()) == []


def test_the_figures_behind_a_place_hold_a_score_in_assist_mode_alone(
    engine: Engine, program: Program
) -> None:
    study_id = cast.image_arrives(engine, "one")
    cast.answer(engine, study_id, cast.flagged())
    plain = program().get(f"/worklist/{study_id}").json()["figures"]
    shown = program("other", product={"mode": "assist"}).get(f"/worklist/{study_id}").json()["figures"]
    assert plain["probability"] is None and shown["probability"]["fresh-fracture"] > 0
    assert shown["head_start_minutes"] == 2880 * shown["cost_of_delay"] > 2880 * shown["cost_of_class"]
    assert plain["rests_on"] == "result"
    assert plain["cost_of_delay"] is plain["head_start_minutes"] is plain["key"] is None, (
        "scores in other units"
    )
    assert (plain["overtaken"], plain["overtaking_limit"]) == (0, 60)
    assert plain["policy"]["name"] == "seniority" and not plain["staffed_clock"]
