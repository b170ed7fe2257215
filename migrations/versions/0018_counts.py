"""Indexes that count the open list by class and by band without reading a row."""

from __future__ import annotations

from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

OPEN = "state IN ('SCHEDULED', 'IN PROGRESS')"
INDEXES = {
    "worklist_item_class_idx": f"(requested_priority, arrived_at, study_instance_uid) WHERE {OPEN}",
    "worklist_item_band_idx": f"(tier, reason_code, requested_priority) WHERE {OPEN}",
    "worklist_item_sooner_idx": "(tier, reason_code, requested_priority) "
    f"WHERE {OPEN} AND reason LIKE '%Look sooner: possible recent vertebral fracture%'",
}


def upgrade() -> None:
    """Make the indexes."""
    for name, what in INDEXES.items():
        op.execute(f"CREATE INDEX {name} ON worklist_item {what}")


def downgrade() -> None:
    """Remove them."""
    for name in INDEXES:
        op.execute(f"DROP INDEX {name}")
