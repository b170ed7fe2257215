"""Whose account made an API token: it reaches no further than its maker does now."""

from __future__ import annotations

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Name the maker of the tokens whose maker has an account; the old version neither reads nor writes it."""
    op.execute(
        "ALTER TABLE api_token ADD COLUMN maker_id BIGINT "
        "CONSTRAINT api_token_maker_id_fkey REFERENCES account (id) ON DELETE CASCADE"
    )
    op.execute("CREATE INDEX api_token_maker_id_idx ON api_token (maker_id) WHERE maker_id IS NOT NULL")
    op.execute(
        "UPDATE api_token SET maker_id = account.id FROM account WHERE account.name = api_token.created_by"
    )


def downgrade() -> None:
    """Forget the makers."""
    op.execute("DROP INDEX api_token_maker_id_idx")
    op.execute("ALTER TABLE api_token DROP COLUMN maker_id")
