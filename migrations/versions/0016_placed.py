"""When an analysis' answer changed the order."""

from __future__ import annotations

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; what was recorded before has none."""
    op.execute("ALTER TABLE analysis ADD COLUMN placed_at TIMESTAMP WITH TIME ZONE")


def downgrade() -> None:
    """Remove it."""
    op.execute("ALTER TABLE analysis DROP COLUMN placed_at")
