"""The keys of the page as one reader has them: every act of one key may have another.

An act goes by its usual key, which is its name in the page's script. Arrows, Enter, Space, Escape and digits stay
what they are: digits are opinions and accession numbers. Refuses (Refused, in words): two acts on one key, an act
without a key, a key that is no sign of the keyboard.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from triage.domain.errors import Refused

USUAL = tuple("jkgGnocrpsxzmlvhy./fKdt?")


@dataclass(frozen=True, slots=True)
class Keymap:
    """One reader's keys; `changed` holds only what is not usual, by usual key."""

    changed: Mapping[str, str] = field(default_factory=dict)

    def of(self, usual: str) -> str:
        """Return the key that does the act now."""
        return self.changed.get(usual, usual)

    def spoken(self, keys: str) -> str:
        """Return a line of the help, its usual keys replaced by the reader's."""
        return " ".join(self.of(word) for word in keys.split())


def kept(stored: Mapping[str, str]) -> Keymap:
    """Return a stored map; what another version knew and this one does not is left out.

    Where that version had no act on a chosen key and this one has, the act of this one keeps it.
    """
    changed = {usual: key for usual, key in stored.items() if usual in USUAL}
    while taken := [usual for usual, key in changed.items() if key in USUAL and key not in changed]:
        for usual in taken:
            del changed[usual]
    return Keymap(changed)


def chosen(asked: Mapping[str, str], names: Mapping[str, str]) -> Keymap:
    """Return the map a reader asks for; `names` says the acts by usual key. Raises Refused in words."""
    whole = {usual: asked.get(usual, usual) for usual in USUAL}
    taken: dict[str, str] = {}
    for usual, key in whole.items():
        name = names[usual]
        if not key:
            raise Refused("key-missing", f"no key was given for “{name}”. Nothing changed.")
        if len(key) != 1 or not key.isprintable() or key.isspace() or key.isdigit():
            raise Refused(
                "key-unusable",
                f"“{name}” cannot have that key: one letter or sign, no digit (digits are opinions and "
                "accession numbers). Nothing changed.",
            )
        if key in taken:
            raise Refused(
                "key-taken",
                f"the key {key} is asked for twice, by “{taken[key]}” and by “{name}”. Nothing changed.",
            )
        taken[key] = name
    return Keymap({usual: key for usual, key in whole.items() if key != usual})
