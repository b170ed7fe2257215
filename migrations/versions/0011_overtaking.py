"""Openings say whether they count as overtaking, and are found by the class that was opened."""

from __future__ import annotations

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

STATEMENTS = (
    "ALTER TABLE worklist_opening ADD COLUMN counts BOOLEAN DEFAULT true NOT NULL",
    # An arrival after its own opening was stamped by a clock that ran ahead.
    "UPDATE worklist_opening SET counts = false WHERE waits_since > opened_at",
    """CREATE INDEX worklist_opening_line_idx ON worklist_opening (requested_priority, waits_since)
    WHERE tier = 2 AND counts""",
    # The version before finds its lines without it as well, slower until it is replaced.
    "DROP INDEX worklist_opening_guard_idx",
)


def upgrade() -> None:
    """Add; the old version goes on writing openings, which count as they did."""
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    """Remove what this revision made."""
    op.execute("CREATE INDEX worklist_opening_guard_idx ON worklist_opening (waits_since) WHERE tier = 2")
    op.execute("DROP INDEX worklist_opening_line_idx")
    op.execute("ALTER TABLE worklist_opening DROP COLUMN counts")
