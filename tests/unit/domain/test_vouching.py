"""From what a provider or proxy says to a role."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from triage.domain.account import Role
from triage.domain.errors import Refused
from triage.domain.vouching import demand_signed_in_since, role_of, words_of

ROLES = {"a": "viewer", "b": "admin", "c": "reader"}


def test_a_person_gets_the_highest_role_of_their_words_and_none_without_one() -> None:
    assert role_of(["a", "c", "x"], ROLES) is Role.READER
    assert role_of(["c", "b"], ROLES) is Role.ADMIN
    assert role_of(["x"], ROLES) is None and role_of([], ROLES) is None


@pytest.mark.parametrize(
    ("claims", "path", "words"),
    [
        ({"groups": ["a", 7, "b"]}, "groups", ("a", "b")),
        ({"groups": "a, b c"}, "groups", ("a", "b", "c")),
        ({"realm_access": {"roles": ["a"]}}, "realm_access.roles", ("a",)),
        ({"https://site.example/roles": ["a"]}, "https://site.example/roles", ("a",)),
        ({"groups": {"a": 1}}, "groups", ()),
        ({}, "groups", ()),
        ({"a": "b"}, "a.b.c", ()),
    ],
)
def test_words_are_found_wherever_the_claim_stands(
    claims: dict[str, object], path: str, words: tuple[str, ...]
) -> None:
    assert words_of(claims, path) == words


ASKED = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
LEEWAY = timedelta(seconds=60)


@pytest.mark.parametrize("late", [-60, 0, 30.5, 3600])
def test_who_signed_in_after_we_asked_is_let_through(late: float) -> None:
    demand_signed_in_since({"auth_time": ASKED.timestamp() + late}, ASKED, LEEWAY)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (ASKED.timestamp() - 61, "without asking"),
        (0, "without asking"),
        (float("nan"), "without asking"),
        (None, "does not say when"),
        (True, "does not say when"),
        ("1764000000", "does not say when"),
    ],
)
def test_an_older_sign_in_and_one_without_its_time_are_refused(said: object, words: str) -> None:
    with pytest.raises(Refused, match=words):
        demand_signed_in_since({"auth_time": said}, ASKED, LEEWAY)
