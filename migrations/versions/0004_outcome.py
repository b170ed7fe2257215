"""What reports said of studies: one label a study."""

from __future__ import annotations

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table; nothing that the old version reads is touched."""
    op.execute(
        """CREATE TABLE outcome (
            study_id BIGINT NOT NULL,
            label TEXT NOT NULL,
            reported_at TIMESTAMP WITH TIME ZONE,
            imported_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
            imported_by TEXT NOT NULL,
            CONSTRAINT outcome_pkey PRIMARY KEY (study_id),
            CONSTRAINT outcome_study_id_fkey FOREIGN KEY(study_id) REFERENCES study (id) ON DELETE CASCADE
        )"""
    )


def downgrade() -> None:
    """Remove it."""
    op.execute("DROP TABLE outcome")
