"""Reads the time ledger of studies from what each hop wrote; keeps no time of its own.

Of several analyses the first that gave an answer counts, else the latest: a later one came to a list that
the first had ordered.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import (
    Engine,
    RowMapping,
    ScalarSelect,
    Select,
    and_,
    case,
    desc,
    func,
    or_,
    select,
    true,
)
from sqlalchemy.sql.selectable import LateralFromClause

from triage.domain.errors import NotFound
from triage.domain.ledger import Ledger
from triage.domain.outcome import OutcomeLabel
from triage.domain.worklist import WorklistState
from triage.store.engine import transaction
from triage.store.outcome_tables import outcome
from triage.store.tables import analysis, delivery, evidence, revision, study
from triage.store.worklist_tables import worklist_item

_ITEM = worklist_item.c


def of_study(engine: Engine, study_id: int) -> Ledger:
    """Return one study's ledger; raises NotFound."""
    with transaction(engine) as connection:
        row = connection.execute(_rows().where(study.c.id == study_id)).mappings().one_or_none()
    if row is None:
        raise NotFound("study", f"there is no study {study_id}")
    return _ledger(row)


def waited(engine: Engine, since: datetime, until: datetime) -> list[Ledger]:
    """Return every study that waited between the two times, in order of arrival; cancelled ones are left out."""
    opened = _opened()
    query = (
        _rows()
        .where(_ITEM.state != WorklistState.CANCELED, _ITEM.arrived_at < until)
        .where(or_(opened.is_(None), opened >= since))
        .order_by(_ITEM.arrived_at, study.c.study_instance_uid)
    )
    with transaction(engine) as connection:
        return [_ledger(row) for row in connection.execute(query).mappings()]


def _opened() -> Any:
    # Who completes a study without claiming it had it open.
    return func.coalesce(_ITEM.opened_at, _ITEM.completed_at)


def _first_answer() -> LateralFromClause:
    """Return the study's analysis that counts."""
    answered = analysis.c.state == "succeeded"
    return (
        select(
            analysis.c.queued_at,
            analysis.c.finished_at,
            # An analysis of an older version, or one without an answer, moved the study when it ended.
            func.coalesce(analysis.c.placed_at, analysis.c.finished_at).label("placed_at"),
            analysis.c.state.label("analysis_state"),
        )
        .where(analysis.c.study_id == study.c.id)
        .order_by(case((answered, 0), else_=1), case((answered, analysis.c.id)), desc(analysis.c.id))
        .limit(1)
        .lateral()
    )


def _complete() -> ScalarSelect[Any]:
    closed = select(revision.c.closed_at).where(revision.c.study_id == study.c.id)
    return closed.order_by(desc(revision.c.number)).limit(1).scalar_subquery()


def _sent() -> ScalarSelect[Any]:
    reports = select(func.min(delivery.c.sent_at)).join(evidence, evidence.c.id == delivery.c.evidence_id)
    return reports.where(evidence.c.study_id == study.c.id).scalar_subquery()


def _rows() -> Select[Any]:
    chosen = _first_answer()
    return (
        select(
            study.c.id.label("study_id"),
            study.c.study_instance_uid,
            _ITEM.requested_priority,
            study.c.calling_ae.label("sender"),
            _ITEM.state,
            _ITEM.arrived_at.label("arrived"),
            study.c.first_arrival.label("first_image"),
            _complete().label("complete"),
            chosen.c.queued_at.label("queued"),
            case((chosen.c.analysis_state == "succeeded", chosen.c.finished_at)).label("inferred"),
            chosen.c.placed_at.label("reordered"),
            _sent().label("sent"),
            _opened().label("opened"),
            _ITEM.completed_at.label("read"),
            outcome.c.reported_at.label("reported"),
            _ITEM.outcome.label("answer"),
            _ITEM.probability,
            outcome.c.label,
        )
        .join(worklist_item, _ITEM.study_id == study.c.id)
        .outerjoin(chosen, true())
        .outerjoin(outcome, and_(outcome.c.study_id == study.c.id))
    )


def _ledger(row: RowMapping) -> Ledger:
    label = row["label"]
    return Ledger(**{**dict(row), "label": None if label is None else OutcomeLabel(label)})
