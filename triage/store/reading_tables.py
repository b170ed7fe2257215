"""The tables of what readers add: stored queries, saved views, columns, keys, opinions, skips, previews with their
attention maps, lowerings, notes, labels."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from triage.store.tables import analysis, metadata, study
from triage.store.worklist_tables import worklist_item


def _study(*, key: bool = False) -> Column[int]:
    return Column(
        "study_id",
        BigInteger,
        ForeignKey("study.id", ondelete="CASCADE"),
        nullable=False,
        primary_key=key,
        autoincrement=False,
    )


def _word(name: str, *, key: bool = False) -> Column[str]:
    return Column(name, Text, nullable=False, server_default=None if key else text("''"), primary_key=key)


def _now(name: str) -> Column[object]:
    return Column(name, DateTime(timezone=True), nullable=False, server_default=func.now())


stored_query = Table(
    "stored_query",
    metadata,
    _word("token", key=True),
    _word("reader"),
    Column("filters", JSONB, nullable=False),
    _now("used_at"),
    Index("stored_query_used_at_idx", "used_at"),
)

saved_view = Table(
    "saved_view",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("name", Text, nullable=False),
    Column("owner", Text, nullable=False),
    Column("shared", Boolean, nullable=False, server_default=text("false")),
    Column("tab", Text, nullable=False),
    Column("filters", JSONB, nullable=False),
    Column("columns", ARRAY(Text), nullable=False),
    _now("saved_at"),
    UniqueConstraint("owner", "name"),
)

reader_columns = Table(
    "reader_columns",
    metadata,
    _word("reader", key=True),
    Column("columns", ARRAY(Text), nullable=False),
    _now("changed_at"),
)

reader_keys = Table(
    "reader_keys",
    metadata,
    _word("reader", key=True),
    # By the act's usual key, only those that are not usual.
    Column("keymap", JSONB, nullable=False),
    _now("changed_at"),
)

opinion = Table(
    "opinion",
    metadata,
    _study(key=True),
    _word("reader", key=True),
    Column("verdict", Text, nullable=False),
    _word("cause"),
    # The answer it is about: a later analysis asks anew.
    _word("outcome"),
    Column("analysis_id", BigInteger, ForeignKey("analysis.id", ondelete="SET NULL")),
    _now("at"),
    Index("opinion_at_idx", "at"),
)

skip = Table(
    "skip",
    metadata,
    _study(key=True),
    _word("reader", key=True),
    Column("until", DateTime(timezone=True), nullable=False),
)

preview = Table(
    "preview",
    metadata,
    _study(key=True),
    Column("analysis_id", BigInteger, ForeignKey("analysis.id", ondelete="CASCADE"), nullable=False),
    Column("sop_instance_uid", Text, nullable=False),
    Column("media_type", Text, nullable=False),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    Column("content", LargeBinary, nullable=False),
)

attention_map = Table(
    "attention_map",
    metadata,
    Column(
        "study_id",
        BigInteger,
        ForeignKey("preview.study_id", ondelete="CASCADE"),
        nullable=False,
        primary_key=True,
        autoincrement=False,
    ),
    # The answer that it lies over: beside a preview of another answer it is not shown.
    Column("analysis_id", BigInteger, nullable=False),
    Column("content", LargeBinary, nullable=False),
    CheckConstraint("octet_length(content) <= 65536", name="attention_map_small"),
)

note = Table(
    "note",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    _study(),
    Column("reader", Text, nullable=False),
    # A person's words: patient data may be among them.
    Column("text", Text, nullable=False),
    _now("at"),
    Column("withdrawn_at", DateTime(timezone=True)),
    Index("note_study_id_idx", "study_id"),
)

study_label = Table(
    "study_label",
    metadata,
    _study(key=True),
    _word("label", key=True),
    Column("reader", Text, nullable=False),
    _now("at"),
)

lowering = Table(
    "lowering",
    metadata,
    _study(key=True),
    Column("reader", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("why", Text, nullable=False),
    _now("at"),
)

# Searching every study by the beginning of what a reader types; see matching.
for _name, _expression in (
    ("study_name_search_idx", "lower(replace(patient_name, '^', ' ')) text_pattern_ops"),
    ("study_patient_id_search_idx", "lower(patient_id) text_pattern_ops"),
    ("study_accession_search_idx", "lower(accession_number) text_pattern_ops"),
):
    Index(_name, text(_expression), _table=study)

# The figures of the last hours; see operations.
Index("study_first_arrival_idx", study.c.first_arrival)
Index("analysis_finished_at_idx", analysis.c.finished_at)
Index("worklist_item_opened_idx", text("coalesce(opened_at, completed_at)"), _table=worklist_item)
