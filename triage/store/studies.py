"""Hop 4: studies as rows. Closing by compare-and-set, with the analyses planned in the same transaction."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, RowMapping, and_, desc, func, insert, or_, select, update

from triage.domain.closing import ClosingReason
from triage.domain.eligibility import CandidateInstance, Plan, plan
from triage.domain.errors import Conflict, NotFound
from triage.domain.priority import OrderPolicy
from triage.domain.study import ClosingView, StudyState
from triage.store import bounded, worklist_order
from triage.store.engine import transaction
from triage.store.tables import analysis, delivery, eligibility, evidence, instance, revision, series, study


@dataclass(frozen=True, slots=True)
class Receiving:
    """A study that is still being received, seen at the database's `now`."""

    study_id: int
    view: ClosingView
    now: datetime


@dataclass(frozen=True, slots=True)
class Closed:
    """A revision that was just closed, with the analyses to ring for."""

    study_id: int
    revision: int
    analyses: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class StudyRow:
    """A study for the administrator. Holds patient data: never log it."""

    id: int
    study_instance_uid: str
    state: str
    revision: int
    patient_id: str
    patient_name: str
    accession_number: str
    study_date: str
    study_description: str
    requested_priority: str
    calling_ae: str
    conflict: bool
    first_arrival: datetime
    last_arrival: datetime
    settled_at: datetime | None
    modalities: tuple[str, ...]
    instances: int


def receiving(engine: Engine) -> list[Receiving]:
    """Return every study that is being received, with what the closing rules look at."""
    query = (
        select(
            study.c.id,
            study.c.calling_ae,
            study.c.last_arrival,
            study.c.opened_at,
            study.c.expected_instances,
            func.now().label("now"),
            func.array_remove(func.array_agg(instance.c.modality.distinct()), None).label("modalities"),
            func.array_remove(func.array_agg(instance.c.view_position.distinct()), None).label(
                "view_positions"
            ),
            func.count(instance.c.id).label("instances"),
        )
        # Outer: a study whose every image is a conflict has no current one, and must be settled all the same.
        .outerjoin(
            instance, and_(instance.c.study_id == study.c.id, instance.c.current, ~instance.c.own_result)
        )
        .where(study.c.state == "receiving")
        .group_by(study.c.id)
    )
    with transaction(engine) as connection:
        return [_receiving(row) for row in connection.execute(query).mappings()]


def _receiving(row: RowMapping) -> Receiving:
    view = ClosingView(
        modalities=frozenset(row["modalities"]),
        calling_ae=row["calling_ae"],
        last_arrival=row["last_arrival"],
        opened_at=row["opened_at"],
        instances=row["instances"],
        expected_instances=row["expected_instances"],
        view_positions=frozenset(row["view_positions"]),
    )
    return Receiving(row["id"], view, row["now"])


def close(engine: Engine, seen: Receiving, reason: ClosingReason, policy: OrderPolicy) -> Closed | None:
    """Close what was seen; None when an image arrived meanwhile or somebody else closed it."""
    with transaction(engine) as connection:
        number = connection.execute(
            update(study)
            .where(
                study.c.id == seen.study_id,
                study.c.state == "receiving",
                study.c.last_arrival == seen.view.last_arrival,
            )
            .values(state="closed", revision=study.c.revision + 1)
            .returning(study.c.revision)
        ).scalar_one_or_none()
        if number is None:
            return None
        planned = _freeze(connection, seen.study_id, number, reason)
        supersede(connection, seen.study_id, "newer-revision", "a newer set of images was closed")
        rung = enqueue_plan(connection, seen.study_id, number, planned, policy)
    return Closed(seen.study_id, number, rung)


def _freeze(connection: Connection, study_id: int, number: int, reason: ClosingReason) -> Plan:
    connection.execute(
        update(instance)
        .where(instance.c.study_id == study_id, instance.c.current, instance.c.revision.is_(None))
        .values(revision=number)
    )
    planned = plan(candidates(connection, study_id))
    connection.execute(
        insert(revision).values(
            study_id=study_id, number=number, reason=reason, instances=len(planned.verdicts)
        )
    )
    return planned


def candidates(connection: Connection, study_id: int) -> list[CandidateInstance]:
    """Return what eligibility may look at, for every current instance of the study."""
    query = select(
        instance.c.sop_instance_uid,
        instance.c.sop_class_uid,
        instance.c.modality,
        instance.c.frames,
        instance.c.rows,
        instance.c.columns,
        instance.c.own_result,
        instance.c.problem,
    ).where(instance.c.study_id == study_id, instance.c.current)
    rows = connection.execute(query.order_by(instance.c.id)).mappings()
    return [CandidateInstance(**row) for row in rows]


def enqueue_plan(
    connection: Connection,
    study_id: int,
    number: int,
    planned: Plan,
    policy: OrderPolicy,
    generation: int = 1,
) -> tuple[int, ...]:
    """Record every verdict and queue the planned analyses; without any, the study is settled with its reason."""
    _record_verdicts(connection, study_id, number, planned)
    if not planned.algorithms:
        settle(connection, study_id)
        worklist_order.not_analysed(connection, study_id, planned.reason, planned.sentence, policy)
        return ()
    rows = [
        {"study_id": study_id, "revision": number, "algorithm": name, "generation": generation}
        for name in planned.algorithms
    ]
    queued = connection.execute(insert(analysis).returning(analysis.c.id), rows)
    worklist_order.analysis_queued(connection, study_id, policy)
    return tuple(queued.scalars())


def _record_verdicts(connection: Connection, study_id: int, number: int, planned: Plan) -> None:
    rows = [{"study_id": study_id, "revision": number, **asdict(verdict)} for verdict in planned.verdicts]
    older = (eligibility.c.study_id == study_id) & (eligibility.c.revision == number)
    connection.execute(eligibility.delete().where(older))
    if rows:
        connection.execute(insert(eligibility), rows)


def supersede(connection: Connection, study_id: int, reason: str, sentence: str) -> None:
    """End every analysis of the study and take back what was not delivered; delivered evidence stays."""
    older = select(analysis.c.id).where(analysis.c.study_id == study_id, analysis.c.state != "superseded")
    ids = list(connection.execute(older).scalars())
    if not ids:
        return
    connection.execute(
        update(analysis)
        .where(analysis.c.id.in_(ids))
        .values(
            state="superseded",
            reason=reason,
            sentence=sentence,
            fence=analysis.c.fence + 1,
            finished_at=func.coalesce(analysis.c.finished_at, func.now()),
        )
    )
    undelivered = select(evidence.c.id).where(evidence.c.analysis_id.in_(ids))
    connection.execute(
        update(delivery)
        .where(delivery.c.evidence_id.in_(undelivered), delivery.c.state.in_(("pending", "refused")))
        .values(state="superseded")
    )


def lock(connection: Connection, study_id: int) -> None:
    """Take the study's row first, as arrivals and closing do: writers of one study queue, never deadlock."""
    # FOR NO KEY UPDATE: a reader's act holds the worklist's row and only then checks its foreign key to this one.
    connection.execute(select(study.c.id).where(study.c.id == study_id).with_for_update(key_share=True))


def settle(connection: Connection, study_id: int) -> None:
    """Mark a closed study analysed once none of its analyses is open."""
    still_open = select(analysis.c.id).where(
        analysis.c.study_id == study_id, analysis.c.state.in_(("queued", "running"))
    )
    connection.execute(
        update(study)
        .where(study.c.id == study_id, study.c.state == "closed", ~still_open.exists())
        .values(state="analysed", settled_at=func.now())
    )


def _rows() -> Any:
    columns = [study.c[name] for name in StudyRow.__slots__ if name not in ("modalities", "instances")]
    modalities = (
        select(func.coalesce(func.array_agg(series.c.modality.distinct()), []))
        .where(series.c.study_id == study.c.id)
        .scalar_subquery()
        .label("modalities")
    )
    instances = (
        select(func.count())
        .where(instance.c.study_id == study.c.id, instance.c.current)
        .scalar_subquery()
        .label("instances")
    )
    return select(*columns, modalities, instances)


def listing(
    engine: Engine, *, state: str | None = None, since: datetime | None = None, limit: int = 100
) -> list[StudyRow]:
    """Return studies, the latest arrival first."""
    query = _rows().order_by(desc(study.c.last_arrival)).limit(limit)
    if state:
        query = query.where(study.c.state == state)
    if since:
        query = query.where(study.c.last_arrival >= since)
    with transaction(engine) as connection:
        return [_study_row(row) for row in connection.execute(query).mappings()]


def find(engine: Engine, name: str) -> StudyRow:
    """Return the study by UID, accession number or row id; raises NotFound, or Conflict when several match."""
    matches = or_(study.c.study_instance_uid == name, study.c.accession_number == name)
    if name.isdigit() and len(name) < 19:
        matches = or_(matches, study.c.id == int(name))
    with transaction(engine) as connection:
        rows = connection.execute(_rows().where(matches).order_by(study.c.id).limit(10)).mappings().all()
    if not rows:
        raise NotFound("study", f"no study has the UID, accession number or id {name!r}")
    if len(rows) > 1:
        uids = ", ".join(row["study_instance_uid"] for row in rows)
        raise Conflict("ambiguous", f"several studies go by {name!r}: name one by its UID ({uids})")
    return _study_row(rows[0])


def _study_row(row: RowMapping) -> StudyRow:
    return StudyRow(**{**row, "modalities": tuple(sorted(row["modalities"]))})


def counts(engine: Engine) -> dict[str, int]:
    """Return how many studies are in each state (see `bounded`)."""
    with transaction(engine) as connection:
        return bounded.each(connection, {state: study.c.state == state for state in StudyState})


def instances_of(engine: Engine, study_id: int) -> list[dict[str, Any]]:
    """Return every stored instance of a study with its latest verdict, oldest first."""
    latest = (
        select(eligibility.c.reason)
        .where(
            eligibility.c.study_id == study_id, eligibility.c.sop_instance_uid == instance.c.sop_instance_uid
        )
        .order_by(desc(eligibility.c.revision))
        .limit(1)
        .scalar_subquery()
    )
    query = select(instance, latest.label("not_eligible_because")).where(instance.c.study_id == study_id)
    with transaction(engine) as connection:
        return [dict(row) for row in connection.execute(query.order_by(instance.c.id)).mappings()]
