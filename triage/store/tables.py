"""The tables as the code sees them. The migrations make them; a test holds the two together."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from triage.store.columns import at as _at
from triage.store.columns import id_ as _id
from triage.store.columns import metadata as metadata
from triage.store.columns import ref as _ref
from triage.store.columns import word as _word

study = Table(
    "study",
    metadata,
    _id(),
    Column("study_instance_uid", Text, nullable=False, unique=True),
    _word("state", "receiving"),
    Column("revision", Integer, nullable=False, server_default="0"),
    _word("patient_id"),
    _word("issuer_of_patient_id"),
    _word("patient_name"),
    _word("patient_birth_date"),
    _word("patient_sex"),
    _word("accession_number"),
    _word("study_id"),
    _word("study_date"),
    _word("study_time"),
    _word("study_description"),
    _word("referring_physician_name"),
    _word("requested_priority", "ROUTINE"),
    _word("calling_ae"),
    Column("expected_instances", Integer),
    Column("conflict", Boolean, nullable=False, server_default=text("false")),
    _at("first_arrival", nullable=False, default=True),
    _at("opened_at", nullable=False, default=True),
    _at("last_arrival", nullable=False, default=True),
    _at("settled_at"),
    Index("study_receiving_idx", "last_arrival", postgresql_where=text("state = 'receiving'")),
    Index("study_accession_number_idx", "accession_number"),
    Index("study_patient_id_idx", "patient_id"),
    Index("study_state_idx", "state"),
)

series = Table(
    "series",
    metadata,
    _id(),
    _ref("study_id", "study.id"),
    Column("series_instance_uid", Text, nullable=False),
    _word("modality"),
    Column("series_number", Integer),
    _word("series_description"),
    UniqueConstraint("study_id", "series_instance_uid"),
)

instance = Table(
    "instance",
    metadata,
    _id(),
    _ref("study_id", "study.id"),
    _ref("series_id", "series.id"),
    Column("sop_instance_uid", Text, nullable=False),
    Column("sop_class_uid", Text, nullable=False),
    Column("transfer_syntax_uid", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("spool_name", Text, nullable=False),
    _word("calling_ae"),
    _at("arrived_at", nullable=False, default=True),
    Column("current", Boolean, nullable=False, server_default=text("true")),
    Column("own_result", Boolean, nullable=False, server_default=text("false")),
    Column("revision", Integer),
    _word("modality"),
    _word("body_part"),
    _word("view_position"),
    _word("photometric"),
    _word("manufacturer"),
    Column("rows", Integer),
    Column("columns", Integer),
    Column("frames", Integer, nullable=False, server_default="1"),
    _word("problem"),
    UniqueConstraint("sop_instance_uid", "digest", "study_id"),
    Index("instance_current_idx", "sop_instance_uid", unique=True, postgresql_where=text("current")),
    Index("instance_study_id_idx", "study_id"),
    Index("instance_arrived_at_idx", "arrived_at", postgresql_using="brin"),
)

revision = Table(
    "revision",
    metadata,
    _id(),
    _ref("study_id", "study.id"),
    Column("number", Integer, nullable=False),
    Column("reason", Text, nullable=False),
    Column("instances", Integer, nullable=False),
    _at("closed_at", nullable=False, default=True),
    UniqueConstraint("study_id", "number"),
)

eligibility = Table(
    "eligibility",
    metadata,
    _id(),
    _ref("study_id", "study.id"),
    Column("revision", Integer, nullable=False),
    Column("sop_instance_uid", Text, nullable=False),
    Column("eligible", Boolean, nullable=False),
    _word("reason"),
    _word("sentence"),
    UniqueConstraint("study_id", "revision", "sop_instance_uid"),
)

analysis = Table(
    "analysis",
    metadata,
    _id(),
    _ref("study_id", "study.id"),
    Column("revision", Integer, nullable=False),
    Column("algorithm", Text, nullable=False),
    Column("generation", Integer, nullable=False, server_default="1"),
    _word("state", "queued"),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("fence", BigInteger, nullable=False, server_default="0"),
    _word("worker"),
    _at("due_at", nullable=False, default=True),
    _at("rung_at"),
    _at("lease_until"),
    _at("queued_at", nullable=False, default=True),
    # Fixed by the first attempt: evidence rebuilt after a crash carries the same times (byte-identical).
    _at("first_started_at"),
    _at("started_at"),
    _at("finished_at"),
    # When its answer changed the order: before it ended, where it went on to measure.
    _at("placed_at"),
    _word("reason"),
    _word("sentence"),
    Column("quarantined", Boolean, nullable=False, server_default=text("false")),
    Column("outcome", JSONB),
    UniqueConstraint("study_id", "revision", "algorithm", "generation"),
    Index("analysis_open_idx", "due_at", postgresql_where=text("state IN ('queued', 'running')")),
    Index("analysis_failed_idx", "reason", postgresql_where=text("state = 'failed'")),
    Index("analysis_state_idx", "state"),
)

finding = Table(
    "finding",
    metadata,
    _id(),
    _ref("analysis_id", "analysis.id"),
    Column("kind", Text, nullable=False),
    Column("sop_instance_uid", Text),
    _word("reason"),
    Column("probability", Double),
    Column("detail", JSONB, nullable=False),
    Index("finding_analysis_id_idx", "analysis_id"),
)

evidence = Table(
    "evidence",
    metadata,
    _id(),
    _ref("analysis_id", "analysis.id"),
    _ref("study_id", "study.id"),
    Column("kind", Text, nullable=False),
    Column("sop_class_uid", Text, nullable=False),
    Column("sop_instance_uid", Text, nullable=False, unique=True),
    Column("series_instance_uid", Text, nullable=False),
    Column("transfer_syntax_uid", Text, nullable=False),
    Column("spool_name", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("urgency", Integer, nullable=False, server_default="0"),
    _at("created_at", nullable=False, default=True),
    Index("evidence_study_id_idx", "study_id"),
)

delivery = Table(
    "delivery",
    metadata,
    _id(),
    _ref("evidence_id", "evidence.id"),
    Column("peer", Text, nullable=False),
    _word("state", "pending"),
    Column("attempts", Integer, nullable=False, server_default="0"),
    _at("next_at", nullable=False, default=True),
    Column("last_status", Integer),
    _word("last_error"),
    _at("sent_at"),
    UniqueConstraint("evidence_id", "peer"),
    Index("delivery_pending_idx", "peer", "next_at", postgresql_where=text("state = 'pending'")),
    Index("delivery_refused_idx", "peer", postgresql_where=text("state = 'refused'")),
)

audit = Table(
    "audit",
    metadata,
    _id(),
    _at("at", nullable=False, default=True),
    Column("actor", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("study_id", BigInteger),
    Column("detail", JSONB, nullable=False, server_default=text("'{}'::jsonb")),
    Index("audit_study_id_idx", "study_id"),
    Index("audit_at_idx", "at"),
)

presence = Table(
    "presence",
    metadata,
    Column("process", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("host", Text, nullable=False),
    _word("state"),
    _at("started_at", nullable=False, default=True),
    _at("seen_at", nullable=False, default=True),
    Column("detail", JSONB, nullable=False, server_default=text("'{}'::jsonb")),
)
