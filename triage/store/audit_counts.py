"""How often what was done, for /metrics: read from the audit's new rows, because every process writes there.

Promises bounded labels (our own words for actions, reasons, verdicts, causes; never an actor or a note) and a read
of new rows alone. Counts begin with the process that reads, as a counter's do.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Engine, case, func, select

from triage.domain.reading import Cause, LowerReason, Verdict
from triage.store.engine import transaction
from triage.store.intervals import seconds
from triage.store.tables import audit

_A = audit.c
# Rows are read in the order of their ids, which commit in another: each is left that long to appear.
SETTLED_SECONDS = 15.0
# What moves a study against the order, and which way.
OVERRIDES = {
    "worklist.lower": "lower",
    "worklist.raise": "raise",
    "worklist.pin": "raise",
    "worklist.unpin": "lower",
}


@dataclass(frozen=True, slots=True)
class AuditCounts:
    """What was newly found up to the row `upto`: by action; overrides by direction and reason; opinions by model,
    verdict and cause."""

    upto: int
    events: Mapping[str, int] = field(default_factory=dict)
    overrides: Mapping[tuple[str, str], int] = field(default_factory=dict)
    opinions: Mapping[tuple[str, str, str], int] = field(default_factory=dict)


def begin(engine: Engine) -> int:
    """Return the newest row: counting begins after it."""
    with transaction(engine) as connection:
        return int(connection.execute(select(func.coalesce(func.max(_A.id), 0))).scalar_one())


def since(engine: Engine, last: int) -> AuditCounts:
    """Return what was done after that row."""
    told = [
        _of("worklist.lower", "reason"),
        _of("opinion.give", "model"),
        _of("opinion.give", "verdict"),
        _of("opinion.give", "cause"),
    ]
    query = select(_A.action, *told, func.count(), func.max(_A.id)).where(
        _A.id > last, _A.at <= func.now() - seconds(SETTLED_SECONDS)
    )
    query = query.group_by(_A.action, *told)
    with transaction(engine) as connection:
        return _counts(last, list(connection.execute(query)))


def _of(action: str, name: str) -> Any:
    """Return a word of the detail of one action; the details of others may hold what people wrote."""
    return case((_A.action == action, _A.detail[name].astext), else_="").label(name)


def _counts(last: int, rows: list[Any]) -> AuditCounts:
    events: Counter[str] = Counter()
    overrides: Counter[tuple[str, str]] = Counter()
    opinions: Counter[tuple[str, str, str]] = Counter()
    for action, reason, model, verdict, cause, number, newest in rows:
        last = max(last, int(newest))
        events[action] += number
        if action in OVERRIDES:
            why = known(reason, LowerReason) if action == "worklist.lower" else action.partition(".")[2]
            overrides[OVERRIDES[action], why] += number
        if action == "opinion.give":
            said = (str(model or "unknown"), known(verdict, Verdict), known(cause, Cause))
            opinions[said] += number
    return AuditCounts(last, events, overrides, opinions)


def known(word: str | None, words: type[LowerReason | Verdict | Cause]) -> str:
    """Return the word if it is one of ours, else a word for none or for another version's."""
    if not word:
        return "none"
    return str(word) if word in set(words) else "other"
