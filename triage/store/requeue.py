"""Asking for an analysis again: by study, accession number, state, reason and time; each study its own transaction.

A requeue plans anew with today's rules under the next generation; older analyses are superseded, what
they raised stays raised. Asking twice changes nothing while the first answer is still awaited.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Engine, and_, desc, func, or_, select, update
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.exc import DataError

from triage.domain.eligibility import plan
from triage.domain.errors import Refused
from triage.domain.priority import OrderPolicy
from triage.store import audit, studies
from triage.store.engine import transaction
from triage.store.tables import analysis, study
from triage.store.worklist_tables import worklist_item


@dataclass(frozen=True, slots=True)
class Selection:
    """Which studies; every given condition must hold. `reason` is a regular expression."""

    studies: tuple[str, ...] = ()
    accessions: tuple[str, ...] = ()
    state: str = ""
    reason: str = ""
    since: datetime | None = None
    until: datetime | None = None
    limit: int = 1000


@dataclass(frozen=True, slots=True)
class Candidate:
    """A study that would be requeued, with what became of it last time."""

    study_id: int
    study_instance_uid: str
    accession_number: str
    study_state: str
    state: str
    attempts: int
    reason: str
    last_arrival: datetime


class Requeued(StrEnum):
    """What asking again did to one study."""

    QUEUED = "queued"
    ALREADY_QUEUED = "already-queued"
    STILL_RECEIVING = "still-receiving"
    NOT_ELIGIBLE = "not-eligible"


def select_studies(engine: Engine, wanted: Selection) -> list[Candidate]:
    """Return the studies a requeue with this selection would touch; changes nothing."""
    latest = (
        select(analysis)
        .ext(distinct_on(analysis.c.study_id))
        .order_by(analysis.c.study_id, desc(analysis.c.id))
        .subquery()
    )
    state = func.coalesce(latest.c.state, "not-analysed").label("state")
    reason = func.coalesce(func.nullif(latest.c.reason, ""), worklist_item.c.ai_reason, "").label("reason")
    query = (
        select(
            study.c.id.label("study_id"),
            study.c.study_instance_uid,
            study.c.accession_number,
            study.c.state.label("study_state"),
            state,
            func.coalesce(latest.c.attempts, 0).label("attempts"),
            reason,
            study.c.last_arrival,
        )
        .outerjoin(latest, latest.c.study_id == study.c.id)
        .outerjoin(worklist_item, worklist_item.c.study_id == study.c.id)
        .where(and_(True, *_conditions(wanted, state, reason)))
        .order_by(study.c.last_arrival)
        .limit(wanted.limit)
    )
    try:
        with transaction(engine) as connection:
            return [Candidate(**row) for row in connection.execute(query).mappings()]
    except DataError as mistake:  # a pattern of Python's that PostgreSQL does not know
        raise _no_pattern(wanted.reason, mistake.orig) from None


def _conditions(wanted: Selection, state: Any, reason: Any) -> list[Any]:
    found: list[Any] = []
    names = [*wanted.studies, *wanted.accessions]
    if names:
        ids = [int(name) for name in wanted.studies if name.isdigit() and len(name) < 19]
        found.append(
            or_(
                study.c.study_instance_uid.in_(wanted.studies),
                study.c.accession_number.in_(wanted.accessions),
                study.c.id.in_(ids),
            )
        )
    if wanted.state:
        found.append(state == wanted.state)
    if wanted.reason:
        try:
            re.compile(wanted.reason)
        except re.error as mistake:
            raise _no_pattern(wanted.reason, mistake) from None
        found.append(reason.op("~*")(wanted.reason))
    if wanted.since:
        found.append(study.c.last_arrival >= wanted.since)
    if wanted.until:
        found.append(study.c.last_arrival <= wanted.until)
    return found


def _no_pattern(reason: str, mistake: object) -> Refused:
    words = str(mistake).partition("\n")[0]
    return Refused("reason-pattern", f"{reason!r} is not a regular expression: {words}")


def requeue(
    engine: Engine, chosen: Sequence[Candidate], actor: str, reason: str, policy: OrderPolicy
) -> list[tuple[Candidate, Requeued]]:
    """Ask again for each chosen study; returns what happened to each."""
    return [
        (candidate, _requeue_one(engine, candidate.study_id, actor, reason, policy)) for candidate in chosen
    ]


def _requeue_one(engine: Engine, study_id: int, actor: str, reason: str, policy: OrderPolicy) -> Requeued:
    with transaction(engine) as connection:
        locked = select(study.c.state, study.c.revision).where(study.c.id == study_id)
        state, number = connection.execute(locked.with_for_update(key_share=True)).one()
        if state == "receiving":
            return Requeued.STILL_RECEIVING
        newest = connection.execute(
            select(analysis.c.state, analysis.c.generation)
            .where(analysis.c.study_id == study_id, analysis.c.revision == number)
            .order_by(desc(analysis.c.generation))
            .limit(1)
        ).one_or_none()
        if newest is not None and newest.state in ("queued", "running"):
            return Requeued.ALREADY_QUEUED
        planned = plan(studies.candidates(connection, study_id))
        if not planned.algorithms:
            return Requeued.NOT_ELIGIBLE
        studies.supersede(connection, study_id, "requeued", "a person asked for the analysis again")
        connection.execute(
            update(study).where(study.c.id == study_id).values(state="closed", settled_at=None)
        )
        generation = newest.generation + 1 if newest is not None else 1
        studies.enqueue_plan(connection, study_id, number, planned, policy, generation)
        audit.record(
            connection,
            actor,
            "study.requeue",
            f"study:{study_id}",
            study_id=study_id,
            detail={"reason": reason},
        )
    return Requeued.QUEUED
