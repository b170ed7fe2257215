"""Model bundles by name: which one answers now, which one runs in its shadow, which one would come back.

Promise: a name and a version are safe as a folder's name; the networks that a study passes are named here alone.
Refuses a name or version outside its grammar, and a change without a reason.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from triage.domain.errors import Refused
from triage.domain.spoken import one_line

# In the order in which a study passes them: gate, locator, classifier; then what looks after the flag, where a site has
# it: angles, and the pattern of the curve in a pair of views.
REQUIRED = ("view-gate", "vertebra-locator", "vertebra-fresh")
PAIR = "pair-pattern"
MEASURES = ("alignment", PAIR)
# What an MR study passes instead: its locator, then its classifier. Without both MR is not analysed.
MAGNETIC = ("mr-locator", "mr-vertebra")
SERVED = (*REQUIRED, *MEASURES, *MAGNETIC)
AS_SHIPPED = "as shipped"
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?")
_VERSION = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._+-]{0,62}[A-Za-z0-9])?")


class ModelRole(StrEnum):
    """What a registered bundle does now."""

    LIVE = "live"
    SHADOW = "shadow"
    PREVIOUS = "previous"
    NONE = ""


@dataclass(frozen=True, slots=True)
class Model:
    """A registered bundle; `digest` is the SHA-256 of its bundle.json, which names every other file's."""

    id: int
    name: str
    version: str
    digest: str
    data_origin: str
    architecture: str
    imported_at: datetime
    imported_by: str

    @property
    def reference(self) -> str:
        """Return NAME@VERSION."""
        return f"{self.name}@{self.version}"


@dataclass(frozen=True, slots=True)
class Placed:
    """A registered bundle with its role, and since when, by whom and why it has it."""

    model: Model
    role: ModelRole
    since: datetime | None = None
    actor: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Promotion:
    """One change of what answers under a name; None is the bundle that was shipped (or none, for a measure)."""

    id: int
    at: datetime
    actor: str
    reason: str
    act: str
    name: str
    now: Model | None
    before: Model | None

    def sentence(self) -> str:
        """Return what changed."""
        return f"{self.name}: {spoken(self.before)} -> {spoken(self.now)}"


def spoken(model: Model | None) -> str:
    """Return a bundle's version for a person."""
    return AS_SHIPPED if model is None else model.version


def parse_name(text: str) -> str:
    """Return a bundle's name; raises Refused."""
    if not _NAME.fullmatch(text):
        raise Refused("model-name", f"{text[:80]!r} is no name of a model: a-z, 0-9 and hyphens")
    return text


def parse_version(text: str) -> str:
    """Return a bundle's version; raises Refused."""
    if not _VERSION.fullmatch(text):
        raise Refused("model-version", f"{text[:80]!r} is no version: letters, digits, dot, plus, hyphen")
    return text


def parse_reference(text: str) -> tuple[str, str]:
    """Return (name, version) of NAME@VERSION; raises Refused."""
    name, at, version = text.partition("@")
    if not at:
        raise Refused("model-reference", f"{text[:80]!r} names no version: write NAME@VERSION")
    return parse_name(name), parse_version(version)


def parse_reason(spoken_words: str) -> str:
    """Return why, as one line; raises Refused for nothing."""
    words = one_line(spoken_words, 500)
    if not words:
        raise Refused("reason", "a change of the models needs a reason")
    return words
