"""Saved views keep no search: what somebody looked for is a patient, and a view is kept for good."""

from __future__ import annotations

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Take the text out of the views that hold one; the old version shows such a view without it."""
    op.execute(
        """UPDATE saved_view SET filters = jsonb_set(filters, '{text}', '""') WHERE filters ->> 'text' <> ''"""
    )


def downgrade() -> None:
    """Bring nothing back."""
