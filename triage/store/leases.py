"""What a worker is handed with a lease: the study's instances, and the report that its own replaces."""

from __future__ import annotations

from sqlalchemy import Connection, RowMapping, desc, select

from triage.domain.analysis import InstanceForAnalysis, Lease
from triage.store.tables import analysis, delivery, eligibility, evidence, instance, series, study


def lease_of(connection: Connection, row: RowMapping) -> Lease:
    """Return the lease of an analysis's row that was just taken."""
    study_id = row["study_id"]
    uid = select(study.c.study_instance_uid).where(study.c.id == study_id)
    return Lease(
        analysis_id=row["id"],
        algorithm=row["algorithm"],
        fence=row["fence"],
        attempt=row["attempts"],
        started_at=row["first_started_at"],
        study_id=study_id,
        study_instance_uid=connection.execute(uid).scalar_one(),
        revision=row["revision"],
        **_predecessor(connection, study_id, row["id"]),
        instances=instances_of(connection, study_id, row["revision"]),
    )


def _predecessor(connection: Connection, study_id: int, analysis_id: int) -> dict[str, str | None]:
    # Only a report that some PACS holds can be named as replaced, and one on the same kind of images.
    own = select(analysis.c.algorithm).where(analysis.c.id == analysis_id).scalar_subquery()
    alike = select(analysis.c.id).where(analysis.c.study_id == study_id, analysis.c.algorithm == own)
    held = select(delivery.c.id).where(
        delivery.c.evidence_id == evidence.c.id, delivery.c.sent_at.is_not(None)
    )
    query = (
        select(
            evidence.c.sop_instance_uid.label("predecessor_uid"),
            evidence.c.series_instance_uid.label("predecessor_series_uid"),
        )
        .where(
            evidence.c.study_id == study_id,
            evidence.c.kind == "SR-A",
            evidence.c.analysis_id != analysis_id,
            evidence.c.analysis_id.in_(alike),
            held.exists(),
        )
        .order_by(desc(evidence.c.id))
        .limit(1)
    )
    found = connection.execute(query).mappings().one_or_none()
    return dict(found) if found else {"predecessor_uid": None, "predecessor_series_uid": None}


def instances_of(connection: Connection, study_id: int, number: int) -> tuple[InstanceForAnalysis, ...]:
    """Return the instances of a revision that may be analysed."""
    columns = [instance.c[name] for name in InstanceForAnalysis.__slots__ if name != "series_instance_uid"]
    query = (
        select(*columns, series.c.series_instance_uid)
        .join(series, series.c.id == instance.c.series_id)
        .join(eligibility, eligibility.c.sop_instance_uid == instance.c.sop_instance_uid)
        .where(
            instance.c.study_id == study_id,
            instance.c.current,
            eligibility.c.study_id == study_id,
            eligibility.c.revision == number,
            eligibility.c.eligible,
        )
        .order_by(instance.c.sop_instance_uid)
    )
    return tuple(InstanceForAnalysis(**row) for row in connection.execute(query).mappings())
