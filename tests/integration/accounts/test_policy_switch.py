"""The kill switch at the page: who may, what changes at once, what everybody is told, who was faster."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from sqlalchemy import Engine

from tests import worklist_cast as cast
from tests.accounts_cast import Member, person
from triage.domain.account import Role
from triage.domain.policy import OrderPolicy
from triage.store import audit, worklist_policy

Open = Callable[..., Member]
BANNER = "The order is by requested class alone since "


def _two(engine: Engine) -> tuple[int, int]:
    """Two routine studies: the younger one is flagged and stands first."""
    older, flagged = (
        cast.image_arrives(engine, name, waited_minutes=wait) for name, wait in (("o", 9), ("f", 1))
    )
    for study_id in (older, flagged):
        cast.closed(engine, study_id)
    cast.answer(engine, flagged, cast.flagged())
    assert cast.order(engine) == [flagged, older]
    return older, flagged


def _signed_in(engine: Engine, browser: Open, name: str, role: Role) -> Member:
    person(engine, name, role)
    reader = browser()
    reader.sign_in(name)
    return reader


def test_a_lead_stops_the_order_everybody_is_told_and_it_goes_back(engine: Engine, browser: Open) -> None:
    older, flagged = _two(engine)
    lead = _signed_in(engine, browser, "Dr B", Role.LEAD)
    reader = _signed_in(engine, browser, "Dr A", Role.READER)
    assert "Order by requested class alone" in lead.get().text
    page = reader.get().text
    assert BANNER not in page and "/policy/stop" not in page and 'id="order"' not in page
    answer = lead.post("/policy/stop", token=lead.own_token(), reason="flags look wrong <b>today</b>")
    assert answer.status_code == 303
    assert cast.order(engine) == [older, flagged], "at once"
    page = reader.get().text
    assert BANNER in page and "set by Dr B: flags look wrong &lt;b&gt;today&lt;/b&gt;" in page
    assert page.index(f'id="s{older}"') < page.index(f'id="s{flagged}"')
    assert "/policy/resume" not in page, "a reader resumes nothing"
    assert "/policy/resume" in lead.get().text
    assert lead.post("/policy/resume", token=lead.own_token(), reason="fixed").status_code == 303
    assert cast.order(engine) == [flagged, older] and BANNER not in reader.get().text
    done = [entry for entry in audit.entries(engine) if entry.action == "worklist.policy"]
    assert [entry.actor for entry in done] == ["Dr B", "Dr B"]
    assert [entry.detail["reason"] for entry in done] == ["fixed", "flags look wrong <b>today</b>"]


def test_a_reader_may_neither_stop_nor_resume(engine: Engine, browser: Open) -> None:
    _, flagged = _two(engine)
    reader = _signed_in(engine, browser, "Dr A", Role.READER)
    for verb in ("stop", "resume"):
        answer = reader.post(f"/policy/{verb}", token=reader.own_token(), reason="because")
        assert answer.status_code == 403 and "Your role (reader) cannot" in answer.text
    assert cast.order(engine)[0] == flagged
    assert worklist_policy.history(engine, OrderPolicy()) == []


def test_of_two_leads_the_slower_is_told_who_was_faster(engine: Engine, browser: Open) -> None:
    _two(engine)
    first = _signed_in(engine, browser, "Dr B", Role.LEAD)
    second = _signed_in(engine, browser, "Dr C", Role.LEAD)
    assert first.post("/policy/stop", token=first.own_token(), reason="odd flags").status_code == 303
    late = second.post("/policy/stop", token=second.own_token(), reason="me too")
    assert late.status_code == 409
    assert "Nothing changed: The order is by requested class already (odd flags, by Dr B)." in late.text
    assert len(worklist_policy.history(engine, OrderPolicy())) == 1
    assert first.post("/policy/resume", token=first.own_token(), reason="fine").status_code == 303
    late = second.post("/policy/resume", token=second.own_token(), reason="fine")
    assert late.status_code == 409 and "nothing was stopped" in late.text


def test_a_page_that_shows_another_order_than_the_one_in_force_changes_nothing(
    engine: Engine, browser: Open
) -> None:
    _two(engine)
    lead = _signed_in(engine, browser, "Dr B", Role.LEAD)
    assert 'name="seen" value="0"' in lead.get().text
    other = replace(OrderPolicy(), seniority_minutes=1440.0)
    version = worklist_policy.change(engine, OrderPolicy(), other, "Dr C", "agreed").version
    late = lead.post("/policy/stop", token=lead.own_token(), reason="odd flags", seen="0")
    assert late.status_code == 409
    assert (
        "Nothing changed: The order changed meanwhile: it is seniority B=1440 now (agreed, by Dr C)"
        in late.text
    )
    assert f'name="seen" value="{version.id}"' in late.text, "the answer shows what is in force"
    done = lead.post("/policy/stop", token=lead.own_token(), reason="odd flags", seen=str(version.id))
    assert done.status_code == 303


def test_no_reason_no_change(engine: Engine, browser: Open) -> None:
    _two(engine)
    lead = _signed_in(engine, browser, "Dr B", Role.LEAD)
    answer = lead.post("/policy/stop", token=lead.own_token(), reason=" \x00 ")
    assert answer.status_code == 403 and "A change of the order needs a reason" in answer.text
    assert worklist_policy.history(engine, OrderPolicy()) == []


def test_a_site_that_always_orders_by_class_is_not_stopped(engine: Engine, browser: Open) -> None:
    person(engine, "Dr B", Role.LEAD)
    lead = browser(worklist={"policy": "human"})
    lead.sign_in("Dr B")
    page = lead.get().text
    assert BANNER not in page and "/policy/" not in page and "by requested class alone" in page
