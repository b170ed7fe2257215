"""The tables of the models' life: what was imported, what was promoted, what runs in the shadow, what it answered."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, Table, Text, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB

from triage.store.columns import at, id_, metadata, ref, word

model = Table(
    "model",
    metadata,
    id_(),
    Column("name", Text, nullable=False),
    Column("version", Text, nullable=False),
    Column("digest", Text, nullable=False, unique=True),
    word("data_origin"),
    word("architecture"),
    at("imported_at", nullable=False, default=True),
    Column("imported_by", Text, nullable=False),
    UniqueConstraint("name", "version"),
)

# The newest row of a name says what answers. `model_id` null is the bundle that was shipped.
model_promotion = Table(
    "model_promotion",
    metadata,
    id_(),
    at("at", nullable=False, default=True),
    Column("actor", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("act", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("model_id", BigInteger, ForeignKey("model.id")),
    # The row a rollback comes back to; null beneath the first promotion.
    Column("below_id", BigInteger, ForeignKey("model_promotion.id")),
    Index("model_promotion_name_idx", "name", "id"),
)

model_shadow = Table(
    "model_shadow",
    metadata,
    Column("name", Text, primary_key=True),
    Column("model_id", BigInteger, ForeignKey("model.id"), nullable=False),
    at("since", nullable=False, default=True),
    Column("actor", Text, nullable=False),
    Column("reason", Text, nullable=False),
)

shadow_answer = Table(
    "shadow_answer",
    metadata,
    id_(),
    ref("analysis_id", "analysis.id"),
    # The shadow bundles that took part, NAME@VERSION, sorted and joined by a space.
    Column("candidate", Text, nullable=False),
    Column("attempts", Integer, nullable=False, server_default="1"),
    at("claimed_until"),
    at("finished_at"),
    word("trouble"),
    Column("outcome", JSONB),
    UniqueConstraint("analysis_id", "candidate"),
    Index("shadow_answer_finished_at_idx", "finished_at"),
)
