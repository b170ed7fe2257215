"""What reports said: recorded by accession number, with its audit line, and read beside what the algorithm said.

Promises: importing the same file again changes nothing; one transaction a file. A number that names no study,
or several, is given back with its line, never guessed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Engine, func, select
from sqlalchemy.dialects.postgresql import insert as upsert

from triage.domain.outcome import LineProblem, OutcomeLabel, ReportedOutcome, Scored
from triage.store import audit
from triage.store.engine import transaction
from triage.store.outcome_tables import outcome
from triage.store.tables import study
from triage.store.worklist_tables import worklist_item

NO_STUDY = "names no study here"
SEVERAL = "names several studies here"
AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class Imported:
    """How many labels are new or changed, how many stood already, and the lines that fit no study."""

    recorded: int
    unchanged: int
    unmatched: tuple[LineProblem, ...]


def record(engine: Engine, outcomes: Sequence[ReportedOutcome], actor: str) -> Imported:
    """Record what a file says; lines without their study are given back."""
    recorded = unchanged = 0
    unmatched: list[LineProblem] = []
    with transaction(engine) as connection:
        for start in range(0, len(outcomes), AT_ONCE):
            part = outcomes[start : start + AT_ONCE]
            studies = _studies(connection, part)
            for one in part:
                matching = studies[one.accession_number]
                if len(matching) != 1:
                    unmatched.append(LineProblem(one.line, SEVERAL if matching else NO_STUDY))
                elif _record(connection, matching[0], one, actor):
                    recorded += 1
                else:
                    unchanged += 1
        detail = {"recorded": recorded, "unchanged": unchanged, "unmatched": len(unmatched)}
        audit.record(connection, actor, "outcomes.import", "outcomes", detail=detail)
    return Imported(recorded, unchanged, tuple(unmatched))


def _studies(connection: Connection, part: Sequence[ReportedOutcome]) -> dict[str, list[int]]:
    numbers = {one.accession_number for one in part}
    query = select(study.c.accession_number, study.c.id).where(study.c.accession_number.in_(numbers))
    found: dict[str, list[int]] = defaultdict(list)
    for number, study_id in connection.execute(query):
        found[number].append(study_id)
    return found


def _record(connection: Connection, study_id: int, one: ReportedOutcome, actor: str) -> bool:
    values = {"label": one.label, "reported_at": one.reported_at, "imported_by": actor}
    new = upsert(outcome).values(study_id=study_id, **values)
    changed = (
        new.on_conflict_do_update(
            index_elements=["study_id"],
            set_={
                "label": new.excluded.label,
                # A file without times does not take away a time that an earlier one gave.
                "reported_at": func.coalesce(new.excluded.reported_at, outcome.c.reported_at),
                "imported_by": new.excluded.imported_by,
                "imported_at": func.now(),
            },
            where=(outcome.c.label != new.excluded.label)
            | (
                new.excluded.reported_at.is_not(None)
                & outcome.c.reported_at.is_distinct_from(new.excluded.reported_at)
            ),
        )
    ).returning(outcome.c.study_id)
    if connection.execute(changed).scalar_one_or_none() is None:
        return False
    detail = {"label": one.label}
    audit.record(connection, actor, "outcome.record", f"study:{study_id}", study_id=study_id, detail=detail)
    return True


def scored(engine: Engine, since: datetime) -> list[Scored]:
    """Return every labelled study that came since then, with the algorithm's latest answer."""
    query = (
        select(study.c.calling_ae, outcome.c.label, worklist_item.c.outcome, worklist_item.c.probability)
        .join(study, study.c.id == outcome.c.study_id)
        .join(worklist_item, worklist_item.c.study_id == outcome.c.study_id)
        .where(worklist_item.c.arrived_at >= since)
        .order_by(outcome.c.study_id)
    )
    with transaction(engine) as connection:
        rows = connection.execute(query).all()
    return [Scored(sender, OutcomeLabel(label), answer, chance) for sender, label, answer, chance in rows]


def unlabelled(engine: Engine, since: datetime) -> int:
    """Return how many studies came since then without a label."""
    labels = select(outcome.c.study_id).where(outcome.c.study_id == worklist_item.c.study_id).exists()
    query = select(func.count()).where(worklist_item.c.arrived_at >= since, ~labels)
    with transaction(engine) as connection:
        return int(connection.execute(query).scalar_one())
