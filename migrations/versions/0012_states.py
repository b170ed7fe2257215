"""Indexes for counting studies and analyses by state, however many there are."""

from __future__ import annotations

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

TABLES = ("study", "analysis")


def upgrade() -> None:
    """Make the indexes."""
    for table in TABLES:
        op.execute(f"CREATE INDEX {table}_state_idx ON {table} (state)")


def downgrade() -> None:
    """Remove them."""
    for table in TABLES:
        op.execute(f"DROP INDEX {table}_state_idx")
