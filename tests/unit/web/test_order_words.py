"""What the drawer says of a place holds under every policy, tier and answer; no score where none may be shown."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from tests.worklist_rows import NOW, row
from triage.domain.policy import OrderPolicy, PolicyName, PolicyVersion
from triage.domain.priority import Counted, RequestedPriority, Standing, Tier, numbers, position
from triage.domain.worklist import Place
from triage.web import order_words

FLAGGED = Counted(True, {"fresh-fracture": 0.9})
UNLIKELY = Counted(False, {"fresh-fracture": 0.01})


def place(name: str, answer: Counted | None, **changes: object) -> Place:
    """Return the place of a routine study with this answer under this policy."""
    policy = OrderPolicy(name=name)
    standing = Standing(RequestedPriority.ROUTINE, NOW, counted=answer)
    at = position(standing, policy)
    shown = row(key=at.key, tier=at.tier, **changes)
    return Place(
        row=shown,
        position=2,
        position_without_result=5,
        waiting=9,
        numbers=numbers(standing, policy),
        overtaken=1,
        overtaking_limit=policy.limit("ROUTINE"),
        waited_minutes=12.0,
        staffed_wait_minutes=12.0,
        policy=PolicyVersion(policy),
    )


def figures(found: Place, *, assist: bool = False) -> dict[str, str]:
    return dict(order_words.figures(found, datetime(2026, 11, 24, tzinfo=UTC), assist=assist))


@pytest.mark.parametrize(
    ("policy", "answer", "said"),
    [
        ("fifo", FLAGGED, "its arrival alone"),
        ("human", FLAGGED, "its requested class and its arrival"),
        ("flag", FLAGGED, "its result, its requested class and its arrival"),
        ("flag", UNLIKELY, "its requested class and its arrival"),
        ("seniority", FLAGGED, "its result, its requested class and its arrival"),
        ("seniority", UNLIKELY, "its requested class and its arrival"),
        ("seniority", None, "its requested class and its arrival"),
    ],
)
def test_a_place_rests_on_a_result_only_where_the_result_raised_it(
    policy: str, answer: Counted | None, said: str
) -> None:
    found = place(policy, answer)
    assert figures(found)["Rests on"] == said
    raised = found.numbers.key < found.numbers.key_of_class
    assert ("its result" in said) == raised


def test_who_was_put_first_does_not_rest_on_a_figure() -> None:
    pinned = replace(place("seniority", FLAGGED), row=row(tier=Tier.PINNED))
    stat = replace(place("seniority", FLAGGED), row=row(tier=Tier.STAT))
    guarded = replace(place("seniority", None), row=row(guarded=True))
    said = [figures(one)["Rests on"] for one in (pinned, stat, guarded)]
    assert [figures(one)["Overtaken"] for one in (pinned, stat)] == ["not counted: it goes first"] * 2
    assert said[0] == "a person's pin"
    assert said[1].startswith("STAT") and said[2].startswith("its arrival: it was overtaken")


def test_who_is_held_keeps_a_place_that_its_newer_answer_did_not_give() -> None:
    before = place("seniority", None)
    held = replace(place("seniority", FLAGGED), row=replace(before.row, held=True))
    assert figures(held)["Rests on"].startswith("where it stood when it was taken")


@pytest.mark.parametrize("policy", list(PolicyName))
def test_figures_that_do_not_count_under_a_policy_are_not_shown_as_if_they_did(policy: PolicyName) -> None:
    shown = figures(place(policy, None))
    counts = policy is PolicyName.SENIORITY
    assert ("Head start" in shown) == ("Key" in shown) == ("Cost of delay" in shown) == counts
    assert ("Ordered" in shown) == (not counts)
    bound = "1 time by younger studies of its class or a less pressing one; from 60 on it goes by arrival"
    guarded = policy in (PolicyName.FLAG, PolicyName.SENIORITY)
    assert shown["Overtaken"] == (bound if guarded else "not counted under this policy")


@pytest.mark.parametrize("answer", [FLAGGED, UNLIKELY])
def test_no_score_and_nothing_it_can_be_worked_out_from_is_shown_outside_assist(answer: Counted) -> None:
    found = place("seniority", answer)
    plain, assist = figures(found), figures(found, assist=True)
    assert "Score p" not in plain and assist["Score p"].startswith(f"{answer.findings['fresh-fracture']:.3f}")
    for name in ("Cost of delay", "Head start", "Key"):
        assert plain[name].startswith("not shown") and "not shown" not in assist[name]
    digits = (f"{found.numbers.key:.1f}", f"{found.numbers.head_start_minutes:.0f} min")
    hidden = [one for one in digits if one in " ".join(plain.values())]
    assert not hidden or found.numbers.key == found.numbers.key_of_class


def test_a_class_is_not_called_an_order() -> None:
    assert [order_words.requested(one) for one in RequestedPriority][:2] == [
        "requested class STAT",
        "requested class urgent",
    ]
    assert order_words.stopping(OrderPolicy(name="fifo")) == "Stop ordering by arrival alone."
    assert order_words.stopping(OrderPolicy()) == "Stop ordering by results."
