"""The keys that each reader chose."""

from __future__ import annotations

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.execute(
        """CREATE TABLE reader_keys (
            reader TEXT NOT NULL,
            keymap JSONB NOT NULL,
            changed_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
            CONSTRAINT reader_keys_pkey PRIMARY KEY (reader)
        )"""
    )


def downgrade() -> None:
    """Remove it."""
    op.execute("DROP TABLE reader_keys")
