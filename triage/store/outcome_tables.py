"""The table of what reports said."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, DateTime, ForeignKey, Table, Text, func

from triage.store.tables import metadata

outcome = Table(
    "outcome",
    metadata,
    Column(
        "study_id",
        BigInteger,
        ForeignKey("study.id", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
    ),
    Column("label", Text, nullable=False),
    Column("reported_at", DateTime(timezone=True)),
    Column("imported_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("imported_by", Text, nullable=False),
)
