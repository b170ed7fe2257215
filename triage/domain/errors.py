"""What went wrong, said so that the class alone tells the caller what to do.

Each error carries a short machine `reason` and a sentence for a person. The doors (DIMSE, RQ, HTTP,
command line) each map these classes once; nothing else decides what an error means.
"""

from __future__ import annotations


class TriageError(Exception):
    """Base of every error this product raises on purpose."""

    def __init__(self, reason: str, sentence: str) -> None:
        super().__init__(sentence)
        self.reason = reason
        self.sentence = sentence


class Refused(TriageError):
    """The peer or the person asked for something that will never be granted: do not retry, tell them."""


class Unprocessable(TriageError):
    """The data cannot be analysed: do not retry, tell the reader."""


class Unavailable(TriageError):
    """Something we depend on is away: retry with back-off."""


class Conflict(TriageError):
    """Somebody else was faster: read again, then decide."""


class NotFound(TriageError):
    """Nothing goes by that name."""


class ConfigError(TriageError):
    """A setting is wrong: the process refuses to start and names the key and the cure."""

    def __init__(self, key: str, problem: str, instead: str) -> None:
        super().__init__("config", f"{key}: {problem}. {instead}")
        self.key = key
        self.problem = problem
        self.instead = instead
