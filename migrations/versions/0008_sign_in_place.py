"""Where accounts signed in from, and whose the counted tries are: a stranger's guesses no longer keep a person out."""

from __future__ import annotations

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add what the old version neither reads nor writes."""
    op.execute("ALTER TABLE tries ADD COLUMN whose BYTEA")
    op.execute("CREATE INDEX tries_whose_idx ON tries (whose) WHERE whose IS NOT NULL")
    op.execute(
        """CREATE TABLE sign_in_place (
            account_id BIGINT NOT NULL,
            place TEXT NOT NULL,
            last_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
            CONSTRAINT sign_in_place_pkey PRIMARY KEY (account_id, place),
            CONSTRAINT sign_in_place_account_id_fkey FOREIGN KEY(account_id)
                REFERENCES account (id) ON DELETE CASCADE
        )"""
    )
    op.execute("CREATE INDEX sign_in_place_last_at_idx ON sign_in_place (last_at)")


def downgrade() -> None:
    """Remove it."""
    op.execute("DROP TABLE sign_in_place")
    op.execute("DROP INDEX tries_whose_idx")
    op.execute("ALTER TABLE tries DROP COLUMN whose")
