"""What people leave on a study: notes, and labels of the site's own words."""

from __future__ import annotations

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

MADE = (
    """CREATE TABLE note (
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        study_id BIGINT NOT NULL,
        reader TEXT NOT NULL,
        text TEXT NOT NULL,
        at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
        withdrawn_at TIMESTAMP WITH TIME ZONE,
        CONSTRAINT note_pkey PRIMARY KEY (id),
        CONSTRAINT note_study_id_fkey FOREIGN KEY(study_id) REFERENCES study (id) ON DELETE CASCADE
    )""",
    """CREATE INDEX note_study_id_idx ON note (study_id)""",
    """CREATE TABLE study_label (
        study_id BIGINT NOT NULL,
        label TEXT NOT NULL,
        reader TEXT NOT NULL,
        at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
        CONSTRAINT study_label_pkey PRIMARY KEY (study_id, label),
        CONSTRAINT study_label_study_id_fkey FOREIGN KEY(study_id) REFERENCES study (id) ON DELETE CASCADE
    )""",
)


def upgrade() -> None:
    """Make the tables."""
    for statement in MADE:
        op.execute(statement)


def downgrade() -> None:
    """Remove them."""
    op.execute("DROP TABLE study_label")
    op.execute("DROP TABLE note")
