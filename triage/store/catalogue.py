"""Hop 3: durable files become Study, Series and Instance rows, and the study stands on the worklist.

Promises: registering the same file again changes nothing; the first content of a SOP Instance UID stays
current and any other content is kept and flagged; a late image reopens its study. Raises Unavailable
when Postgres is away, and then nothing of the batch was registered.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import Boolean, Connection, Engine, func, literal_column, select, update
from sqlalchemy.dialects.postgresql import insert

from triage.domain.eligibility import is_companion
from triage.domain.priority import OrderPolicy, requested_priority
from triage.domain.requested import raised
from triage.domain.study import ArrivedInstance, InstanceHeader, StudyEvent, StudyState, after
from triage.store import audit, worklist_order
from triage.store.engine import transaction
from triage.store.tables import analysis, instance, series, study

IDENTITY = (
    "patient_id",
    "issuer_of_patient_id",
    "patient_name",
    "patient_birth_date",
    "patient_sex",
    "accession_number",
    "study_id",
    "study_date",
    "study_time",
    "study_description",
    "referring_physician_name",
)


class Arrival(StrEnum):
    """What registering one file did."""

    NEW = "new"
    SAME = "same"
    CONFLICT = "conflict"
    COMPANION = "companion"
    OWN = "own"


@dataclass(frozen=True, slots=True)
class Registered:
    """The outcome for one file of the batch, in the batch's order."""

    outcome: Arrival
    study_id: int
    reopened: bool


def register(engine: Engine, batch: Sequence[ArrivedInstance], policy: OrderPolicy) -> list[Registered]:
    """Register a batch in one transaction; studies are locked in UID order, so registrars never deadlock."""
    order = sorted(range(len(batch)), key=lambda position: batch[position].header.study_instance_uid)
    outcomes: dict[int, Registered] = {}
    with transaction(engine) as connection:
        for position in order:
            outcomes[position] = _register_one(connection, batch[position], policy)
    return [outcomes[position] for position in range(len(batch))]


def _register_one(connection: Connection, arrived: ArrivedInstance, policy: OrderPolicy) -> Registered:
    row = _lock_study(connection, arrived)
    outcome = _place(connection, row, arrived)
    if outcome is Arrival.SAME:
        return Registered(outcome, row["id"], reopened=False)
    _check_identity(connection, row, arrived)
    reopened = False
    if outcome is Arrival.NEW:
        reopened = _arrive(connection, row, arrived)
    if arrived.header.own_result:
        _nothing_to_read(connection, row)
    else:
        _await_closing(connection, row, arrived)
        worklist_order.arrive(
            connection,
            row["id"],
            arrived.header.requested_priority,
            arrived.calling_ae,
            policy,
            new_image=outcome is Arrival.NEW,
        )
    return Registered(outcome, row["id"], reopened)


def _lock_study(connection: Connection, arrived: ArrivedInstance) -> dict[str, Any]:
    header = arrived.header
    values = {name: getattr(header, name) for name in IDENTITY}
    query = insert(study).values(
        study_instance_uid=header.study_instance_uid,
        calling_ae=arrived.calling_ae,
        requested_priority=requested_priority(header.requested_priority),
        expected_instances=header.study_related_instances,
        **values,
    )
    # The no-op update takes the row lock, so arrivals of one study are registered one after the other. Not of the
    # key: that lock would wait for every foreign key check of whoever holds the study's row of the worklist.
    query = query.on_conflict_do_update(
        index_elements=["study_instance_uid"],
        set_={"calling_ae": study.c.calling_ae},
    )
    created = literal_column("(study.xmax = 0)", Boolean).label("created")
    row = connection.execute(query.returning(study, created)).mappings().one()
    return dict(row)


def _place(connection: Connection, row: dict[str, Any], arrived: ArrivedInstance) -> Arrival:
    """Insert the instance unless this very content is there; return what it was."""
    header = arrived.header
    known = connection.execute(
        select(instance.c.digest, instance.c.study_id)
        .where(instance.c.sop_instance_uid == header.sop_instance_uid)
        .order_by(instance.c.current.desc())
    ).all()
    if any(digest == arrived.digest and study_id == row["id"] for digest, study_id in known):
        return Arrival.SAME
    if known:
        _insert_instance(connection, row, arrived, current=False)
        _flag_conflict(connection, row, "same-uid-other-content", header)
        return Arrival.CONFLICT
    _insert_instance(connection, row, arrived, current=True)
    if header.own_result:
        return Arrival.OWN
    return Arrival.COMPANION if is_companion(header.sop_class_uid) else Arrival.NEW


def _insert_instance(
    connection: Connection, row: dict[str, Any], arrived: ArrivedInstance, *, current: bool
) -> None:
    header = arrived.header
    connection.execute(
        insert(instance).values(
            study_id=row["id"],
            series_id=_series_id(connection, row["id"], header),
            sop_instance_uid=header.sop_instance_uid,
            sop_class_uid=header.sop_class_uid,
            transfer_syntax_uid=header.transfer_syntax_uid,
            digest=arrived.digest,
            size=arrived.size,
            spool_name=arrived.spool_name,
            calling_ae=arrived.calling_ae,
            arrived_at=arrived.arrived_at or func.now(),
            current=current,
            own_result=header.own_result,
            modality=header.modality,
            body_part=header.body_part,
            view_position=header.view_position,
            photometric=header.photometric,
            manufacturer=header.manufacturer,
            rows=header.rows,
            columns=header.columns,
            frames=header.frames,
            problem=header.problem,
        )
    )


def _series_id(connection: Connection, study_id: int, header: InstanceHeader) -> int:
    query = insert(series).values(
        study_id=study_id,
        series_instance_uid=header.series_instance_uid,
        modality=header.modality,
        series_number=header.series_number,
        series_description=header.series_description,
    )
    query = query.on_conflict_do_update(
        constraint="series_study_id_series_instance_uid_key",
        set_={"series_instance_uid": query.excluded.series_instance_uid},
    )
    return int(connection.execute(query.returning(series.c.id)).scalar_one())


def _arrive(connection: Connection, row: dict[str, Any], arrived: ArrivedInstance) -> bool:
    """Move the study's last arrival; reopen it when it was closed. Return whether it was reopened."""
    header = arrived.header
    state = StudyState(row["state"])
    following = after(state, StudyEvent.ARRIVE)
    reopened = state is not StudyState.RECEIVING
    requested = raised(requested_priority(row["requested_priority"]), header.requested_priority)
    values: dict[str, Any] = {
        "state": following,
        "last_arrival": func.now(),
        "requested_priority": requested,
        "expected_instances": func.coalesce(header.study_related_instances, study.c.expected_instances),
    }
    values |= {name: getattr(header, name) for name in IDENTITY if not row[name] and getattr(header, name)}
    if reopened:
        values |= {"opened_at": func.now(), "settled_at": None}
        _supersede_open(connection, row["id"])
        audit.record(
            connection,
            audit.SYSTEM,
            "study.reopen",
            f"study:{row['id']}",
            study_id=row["id"],
            detail={"from": state, "revision": row["revision"]},
        )
    connection.execute(update(study).where(study.c.id == row["id"]).values(values))
    return reopened


def _nothing_to_read(connection: Connection, row: dict[str, Any]) -> None:
    """A study known only from our own results has nothing to close or to read."""
    if row["created"]:
        connection.execute(update(study).where(study.c.id == row["id"]).values(state=StudyState.ANALYSED))


def _await_closing(connection: Connection, row: dict[str, Any], arrived: ArrivedInstance) -> None:
    """Let a study known only from our own results arrive now, from this sender, and be closed once."""
    if row["state"] == StudyState.ANALYSED and not row["revision"]:
        values: dict[str, Any] = dict.fromkeys(("first_arrival", "opened_at", "last_arrival"), func.now())
        values |= {
            "state": after(StudyState.ANALYSED, StudyEvent.ARRIVE),
            "calling_ae": arrived.calling_ae,
        }
        connection.execute(update(study).where(study.c.id == row["id"]).values(values))


def _supersede_open(connection: Connection, study_id: int) -> None:
    """End analyses of the older revision that have not finished; a finished one stands until replaced."""
    connection.execute(
        update(analysis)
        .where(analysis.c.study_id == study_id, analysis.c.state.in_(("queued", "running")))
        .values(
            state="superseded",
            reason="late-images",
            sentence="more images of this study arrived",
            finished_at=func.now(),
            fence=analysis.c.fence + 1,
        )
    )


def _check_identity(connection: Connection, row: dict[str, Any], arrived: ArrivedInstance) -> None:
    """Flag a study whose images disagree about the patient; both stay, a person decides."""
    header = arrived.header
    for name in ("patient_id", "patient_name", "patient_birth_date"):
        here, there = row[name], getattr(header, name)
        if here and there and here != there and not header.own_result:
            _flag_conflict(connection, row, f"different-{name.replace('_', '-')}", header)
            return


def _flag_conflict(connection: Connection, row: dict[str, Any], reason: str, header: InstanceHeader) -> None:
    connection.execute(update(study).where(study.c.id == row["id"]).values(conflict=True))
    audit.record(
        connection,
        audit.SYSTEM,
        "study.conflict",
        f"instance:{header.sop_instance_uid}",
        study_id=row["id"],
        detail={"reason": reason},
    )
