"""From what a provider or proxy says to a role."""

from __future__ import annotations

import pytest

from triage.domain.account import Role
from triage.domain.vouching import role_of, words_of

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
