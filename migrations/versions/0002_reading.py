"""What readers add: stored queries, saved views, columns, opinions, skips, previews, lowerings."""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

TABLES = (
    """CREATE TABLE stored_query (
        token TEXT NOT NULL,
        reader TEXT DEFAULT '' NOT NULL,
        filters JSONB NOT NULL,
        used_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
        CONSTRAINT stored_query_pkey PRIMARY KEY (token)
    )""",
    """CREATE INDEX stored_query_used_at_idx ON stored_query (used_at)""",
    """CREATE TABLE saved_view (
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        name TEXT NOT NULL,
        owner TEXT NOT NULL,
        shared BOOLEAN DEFAULT false NOT NULL,
        tab TEXT NOT NULL,
        filters JSONB NOT NULL,
        columns TEXT[] NOT NULL,
        saved_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
        CONSTRAINT saved_view_pkey PRIMARY KEY (id),
        CONSTRAINT saved_view_owner_name_key UNIQUE (owner, name)
    )""",
    """CREATE TABLE reader_columns (
        reader TEXT NOT NULL,
        columns TEXT[] NOT NULL,
        changed_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
        CONSTRAINT reader_columns_pkey PRIMARY KEY (reader)
    )""",
    """CREATE TABLE opinion (
        study_id BIGINT NOT NULL,
        reader TEXT NOT NULL,
        verdict TEXT NOT NULL,
        cause TEXT DEFAULT '' NOT NULL,
        outcome TEXT DEFAULT '' NOT NULL,
        analysis_id BIGINT,
        at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
        CONSTRAINT opinion_pkey PRIMARY KEY (study_id, reader),
        CONSTRAINT opinion_study_id_fkey FOREIGN KEY(study_id) REFERENCES study (id) ON DELETE CASCADE,
        CONSTRAINT opinion_analysis_id_fkey FOREIGN KEY(analysis_id) REFERENCES analysis (id) ON DELETE SET NULL
    )""",
    """CREATE INDEX opinion_at_idx ON opinion (at)""",
    """CREATE TABLE skip (
        study_id BIGINT NOT NULL,
        reader TEXT NOT NULL,
        until TIMESTAMP WITH TIME ZONE NOT NULL,
        CONSTRAINT skip_pkey PRIMARY KEY (study_id, reader),
        CONSTRAINT skip_study_id_fkey FOREIGN KEY(study_id) REFERENCES study (id) ON DELETE CASCADE
    )""",
    """CREATE TABLE preview (
        study_id BIGINT NOT NULL,
        analysis_id BIGINT NOT NULL,
        sop_instance_uid TEXT NOT NULL,
        media_type TEXT NOT NULL,
        width INTEGER NOT NULL,
        height INTEGER NOT NULL,
        content BYTEA NOT NULL,
        CONSTRAINT preview_pkey PRIMARY KEY (study_id),
        CONSTRAINT preview_study_id_fkey FOREIGN KEY(study_id) REFERENCES study (id) ON DELETE CASCADE,
        CONSTRAINT preview_analysis_id_fkey FOREIGN KEY(analysis_id) REFERENCES analysis (id) ON DELETE CASCADE
    )""",
    """CREATE TABLE lowering (
        study_id BIGINT NOT NULL,
        reader TEXT NOT NULL,
        reason TEXT NOT NULL,
        why TEXT NOT NULL,
        at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
        CONSTRAINT lowering_pkey PRIMARY KEY (study_id),
        CONSTRAINT lowering_study_id_fkey FOREIGN KEY(study_id) REFERENCES study (id) ON DELETE CASCADE
    )""",
)


def upgrade() -> None:
    """Make the tables; nothing that the old version reads is touched."""
    for statement in TABLES:
        op.execute(statement)


def downgrade() -> None:
    """Remove them."""
    for table in ("lowering", "preview", "skip", "opinion", "reader_columns", "saved_view", "stored_query"):
        op.execute(f"DROP TABLE {table}")
