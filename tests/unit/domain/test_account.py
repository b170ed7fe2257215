"""Roles and names: the table has an entry for everything, and nobody passes for a machine."""

from __future__ import annotations

import itertools

import pytest

from triage.domain.account import (
    PERMITTED,
    Right,
    Role,
    Scope,
    demand,
    may,
    name_key,
    parse_role,
    person_name,
)
from triage.domain.errors import Refused

PEOPLE = [Role.VIEWER, Role.READER, Role.LEAD, Role.ADMIN]


def test_every_role_and_right_has_an_entry() -> None:
    assert set(PERMITTED) == set(itertools.product(Role, Right))


@pytest.mark.parametrize("right", Right)
def test_each_persons_role_includes_what_the_lower_ones_may(right: Right) -> None:
    granted = [may(role, right) for role in PEOPLE]
    assert granted == sorted(granted) and granted[-1], "an admin may everything"


def test_a_viewer_looks_and_a_reader_reads_and_a_lead_leads() -> None:
    assert {right for right in Right if may(Role.VIEWER, right)} == {Right.LOOK, Right.ARRANGE}
    leads = {right for right in Right if may(Role.LEAD, right) and not may(Role.READER, right)}
    assert leads == {Right.END_CLAIM, Right.LOWER, Right.STOP_POLICY, Right.OPERATIONS}
    admins = {right for right in Right if may(Role.ADMIN, right) and not may(Role.LEAD, right)}
    assert admins == {Right.REQUEUE, Right.USERS}


@pytest.mark.parametrize("right", Right)
def test_a_token_that_may_read_does_nothing_else(right: Right) -> None:
    assert may(Role.SERVICE, right, Scope.READ) is (right is Right.LOOK)


def test_a_machine_never_does_what_asks_for_a_lead_or_an_admin() -> None:
    assert not any(may(Role.SERVICE, right, Scope.ACT) for right in Right if not may(Role.READER, right))


def test_a_refusal_names_the_role_and_whom_to_ask() -> None:
    with pytest.raises(Refused, match=r"^Your role \(viewer\) cannot pin\. Ask a reader\.$"):
        demand(Role.VIEWER, Right.PIN)
    with pytest.raises(Refused, match="Ask an admin"):
        demand(Role.LEAD, Right.REQUEUE)
    with pytest.raises(Refused, match="may only read"):
        demand(Role.SERVICE, Right.CLAIM, Scope.READ)


@pytest.mark.parametrize("name", ["service:pacs", "triage", "SYSTEM", "a:b", "unknown", "\u202eDr A", ""])
def test_a_person_cannot_be_named_like_a_machine(name: str) -> None:
    with pytest.raises(Refused):
        person_name(name)


def test_two_names_differ_in_more_than_case_and_width() -> None:
    assert name_key("Dr  ITO") == name_key("dr ito") == name_key("Ｄｒ Ito")


@pytest.mark.parametrize("word", ["service", "root", ""])
def test_a_person_gets_a_persons_role(word: str) -> None:
    with pytest.raises(Refused):
        parse_role(word)


@pytest.mark.parametrize("spoken", ["service：dash", "ｓｙｓｔｅｍ", "Triage"])
def test_no_width_of_letters_makes_a_person_pass_for_a_machine(spoken: str) -> None:
    with pytest.raises(Refused):
        person_name(spoken)
