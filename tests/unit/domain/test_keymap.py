"""A reader's own keys: swaps are possible, conflicts are refused in words, digits stay what they are."""

from __future__ import annotations

import pytest

from triage.domain.errors import Refused
from triage.domain.keymap import USUAL, Keymap, chosen, kept

NAMES = {usual: f"act of {usual}" for usual in USUAL}


def test_two_acts_may_change_places_and_the_help_says_so() -> None:
    found = chosen({"c": "r", "r": "c", "n": "é"}, NAMES)
    assert (found.of("c"), found.of("r"), found.of("n"), found.of("x")) == ("r", "c", "é", "x")
    assert (
        found.spoken("n") == "é" and found.spoken("j k ↓ ↑") == "j k ↓ ↑" and found.spoken("1 2 3") == "1 2 3"
    )


def test_what_is_usual_is_no_change() -> None:
    assert chosen({usual: usual for usual in USUAL}, NAMES) == chosen({}, NAMES) == Keymap()


def test_two_acts_on_one_key_are_refused_with_both_names() -> None:
    with pytest.raises(Refused, match="the key r is asked for twice, by “act of c” and by “act of r”"):
        chosen({"c": "r"}, NAMES)


@pytest.mark.parametrize("key", ["", " ", "7", "ab", "\t", "\x00"])
def test_a_key_that_cannot_be_is_refused_with_the_acts_name(key: str) -> None:
    with pytest.raises(Refused, match="act of c"):
        chosen({"c": key}, NAMES)


def test_what_another_version_knew_is_left_out() -> None:
    assert kept({"c": "q", "not of ours": "w"}) == Keymap({"c": "q"})


def test_a_key_that_an_act_of_this_version_has_is_not_taken_by_what_was_stored() -> None:
    assert kept({"c": "r", "x": "q"}) == Keymap({"x": "q"}), "r marks as read, and nothing else has it"
    assert kept({"c": "r", "r": "c"}) == Keymap({"c": "r", "r": "c"})
    assert kept({"c": "r", "r": "x"}) == Keymap(), "one that falls back takes its key from the next"
