"""The attention map that lies over a study's preview."""

from __future__ import annotations

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

# A row of its own: what an older worker writes over the preview then does not carry on a map of another picture.
MADE = """CREATE TABLE attention_map (
    study_id BIGINT NOT NULL,
    analysis_id BIGINT NOT NULL,
    content BYTEA NOT NULL,
    CONSTRAINT attention_map_pkey PRIMARY KEY (study_id),
    CONSTRAINT attention_map_study_id_fkey FOREIGN KEY(study_id) REFERENCES preview (study_id) ON DELETE CASCADE,
    CONSTRAINT attention_map_small CHECK (octet_length(content) <= 65536)
)"""


def upgrade() -> None:
    """Make the table."""
    op.execute(MADE)


def downgrade() -> None:
    """Remove it."""
    op.execute("DROP TABLE attention_map")
