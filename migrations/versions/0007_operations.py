"""Indexes for the operations page: by time for figures, by reason for failures."""

from __future__ import annotations

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

INDEXES = {
    "analysis_failed_idx": "analysis (reason) WHERE state = 'failed'",
    "analysis_finished_at_idx": "analysis (finished_at)",
    "study_first_arrival_idx": "study (first_arrival)",
    "worklist_item_opened_idx": "worklist_item (coalesce(opened_at, completed_at))",
    "delivery_refused_idx": "delivery (peer) WHERE state = 'refused'",
    # Arrivals are appended in their order: a block range index costs next to nothing at reception.
    "instance_arrived_at_idx": "instance USING brin (arrived_at)",
}


def upgrade() -> None:
    """Make the indexes."""
    for name, what in INDEXES.items():
        op.execute(f"CREATE INDEX {name} ON {what}")


def downgrade() -> None:
    """Remove them."""
    for name in INDEXES:
        op.execute(f"DROP INDEX {name}")
