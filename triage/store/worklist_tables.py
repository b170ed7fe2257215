"""The tables of the reading worklist: its rows, the versions of its policy, and who opened what."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from triage.store.columns import at, id_, metadata, word

worklist_item = Table(
    "worklist_item",
    metadata,
    Column("study_id", BigInteger, ForeignKey("study.id", ondelete="CASCADE"), primary_key=True),
    word("state", "SCHEDULED"),
    Column("version", BigInteger, nullable=False, server_default="1"),
    word("requested_priority", "ROUTINE"),
    # The order: tier, then key (minutes), then arrival, then the study's UID. All four are stored.
    Column("tier", Integer, nullable=False),
    Column("key", Double, nullable=False),
    at("arrived_at", nullable=False, default=True),
    Column("study_instance_uid", Text, nullable=False),
    Column("reason_code", Text, nullable=False),
    Column("reason", Text, nullable=False),
    word("ai_status", "waiting"),
    word("ai_reason"),
    word("ai_sentence"),
    # The latest answer and the policy that made the key; empty outcome = no answer (yet).
    Column("outcome", Text, nullable=False, server_default=""),
    Column("probability", Double),
    Column("threshold", Double),
    Column("flagged_before", Boolean, nullable=False, server_default=text("false")),
    word("policy"),
    Column("touched_by_person", Boolean, nullable=False, server_default=text("false")),
    word("pinned_by"),
    word("pin_reason"),
    at("pinned_at"),
    word("claimed_by"),
    at("claimed_at"),
    at("claimed_until"),
    at("opened_at"),
    at("completed_at"),
    word("completed_by"),
    at("changed_at", nullable=False, default=True),
    # The answer the place rests on ({"flagged", "findings"}); it outlives a newer one that is under way.
    Column("counted", JSONB),
    # When a person last acted on it: from then on no result lowers it.
    at("handled_at"),
    # From when overtakings count: the arrival, or the late images that made it one to be read again.
    at("waits_since", nullable=False, default=True),
    Index(
        "worklist_item_order_idx",
        "tier",
        "key",
        "arrived_at",
        "study_instance_uid",
        postgresql_where=text("state IN ('SCHEDULED', 'IN PROGRESS')"),
    ),
    Index("worklist_item_completed_idx", "completed_at", postgresql_where=text("state = 'COMPLETED'")),
    Index("worklist_item_canceled_idx", "changed_at", postgresql_where=text("state = 'CANCELED'")),
    Index("worklist_item_claimed_idx", "claimed_by", postgresql_where=text("state = 'IN PROGRESS'")),
    Index(
        "worklist_item_guard_idx",
        "requested_priority",
        "waits_since",
        "study_instance_uid",
        postgresql_where=text("tier = 2 AND state IN ('SCHEDULED', 'IN PROGRESS')"),
    ),
    Index(
        "worklist_item_not_analysed_idx",
        "tier",
        "key",
        "arrived_at",
        "study_instance_uid",
        postgresql_where=text(
            "state IN ('SCHEDULED', 'IN PROGRESS') AND (ai_status = 'not-analysed' OR outcome = 'ABSTAINED')"
        ),
    ),
)

# Append-only: the newest row is the policy every process uses.
worklist_policy = Table(
    "worklist_policy",
    metadata,
    id_(),
    at("at", nullable=False, default=True),
    Column("actor", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("parameters", JSONB, nullable=False),
)

# One row for the first opening of each wait. No reference to the study: the bound outlives what is deleted.
worklist_opening = Table(
    "worklist_opening",
    metadata,
    id_(),
    Column("study_id", BigInteger, nullable=False),
    at("waits_since", nullable=False),
    at("opened_at", nullable=False, default=True),
    Column("reader", Text, nullable=False),
    Column("requested_priority", Text, nullable=False),
    Column("tier", Integer, nullable=False),
    # Handed out by `next`, not taken by a person's own choice.
    Column("offered", Boolean, nullable=False),
    Column("promoted", Boolean, nullable=False),
    # How many older studies it overtook: still waiting, of its class or a more pressing one (counted up to 1000).
    Column("past", Integer, nullable=False),
    # Whether it can count as overtaking: an answer could have put it first, and its arrival was not in the future.
    Column("counts", Boolean, nullable=False, server_default=text("true")),
    UniqueConstraint("study_id", "waits_since"),
    Index(
        "worklist_opening_line_idx",
        "requested_priority",
        "waits_since",
        postgresql_where=text("tier = 2 AND counts"),
    ),
)
