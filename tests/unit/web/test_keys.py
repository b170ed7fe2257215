"""The keys: what the palette offers and what the help lists is what the page's script does."""

from __future__ import annotations

import re

import pytest

from triage.domain.keymap import USUAL
from triage.web.labels import COMMANDS, KEY_CAPS, KEYS, REMAPPABLE
from triage.web.room import STATIC

SCRIPT = (STATIC / "keys.js").read_text()
ACTS = re.compile(r"const acts = \{(.*?)\n  \};", re.DOTALL)
NAME = re.compile(r'(?:^|,)\s*(?:"([^"]+)"|(\w+)):', re.MULTILINE)


def bound() -> set[str]:
    """Return the keys that the page's script knows an act for."""
    (table,) = ACTS.findall(SCRIPT)
    return {quoted or plain for quoted, plain in NAME.findall(table)}


@pytest.mark.parametrize("key", [key for key, _ in COMMANDS])
def test_every_command_of_the_palette_is_a_key_and_is_in_the_help(key: str) -> None:
    listed = {word for keys, _ in KEYS for word in keys.split()}
    assert key in bound() and KEY_CAPS.get(key, key) in listed


def test_every_act_of_one_key_can_have_another_and_has_a_name() -> None:
    letters = {key for key in bound() if len(key) == 1 and key != " "}
    assert letters == set(USUAL) == set(dict(REMAPPABLE))


def test_every_letter_the_page_listens_to_is_in_the_help() -> None:
    listed = {word for keys, _ in KEYS for word in keys.split()}
    letters = {key for key in bound() if len(key) == 1 and key != " "}
    assert {"j", "G", "?", "/"} <= letters <= listed
