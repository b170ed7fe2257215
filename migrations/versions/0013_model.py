"""The models' life: bundles imported, promotions, shadows and what they answered."""

from __future__ import annotations

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

TABLES = (
    """CREATE TABLE model (
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        name TEXT NOT NULL,
        version TEXT NOT NULL,
        digest TEXT NOT NULL,
        data_origin TEXT DEFAULT '' NOT NULL,
        architecture TEXT DEFAULT '' NOT NULL,
        imported_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
        imported_by TEXT NOT NULL,
        CONSTRAINT model_pkey PRIMARY KEY (id),
        CONSTRAINT model_digest_key UNIQUE (digest),
        CONSTRAINT model_name_version_key UNIQUE (name, version)
    )""",
    """CREATE TABLE model_promotion (
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
        actor TEXT NOT NULL,
        reason TEXT NOT NULL,
        act TEXT NOT NULL,
        name TEXT NOT NULL,
        model_id BIGINT,
        below_id BIGINT,
        CONSTRAINT model_promotion_pkey PRIMARY KEY (id),
        CONSTRAINT model_promotion_model_id_fkey FOREIGN KEY(model_id) REFERENCES model (id),
        CONSTRAINT model_promotion_below_id_fkey FOREIGN KEY(below_id) REFERENCES model_promotion (id)
    )""",
    "CREATE INDEX model_promotion_name_idx ON model_promotion (name, id)",
    """CREATE TABLE model_shadow (
        name TEXT NOT NULL,
        model_id BIGINT NOT NULL,
        since TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
        actor TEXT NOT NULL,
        reason TEXT NOT NULL,
        CONSTRAINT model_shadow_pkey PRIMARY KEY (name),
        CONSTRAINT model_shadow_model_id_fkey FOREIGN KEY(model_id) REFERENCES model (id)
    )""",
    """CREATE TABLE shadow_answer (
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        analysis_id BIGINT NOT NULL,
        candidate TEXT NOT NULL,
        attempts INTEGER DEFAULT 1 NOT NULL,
        claimed_until TIMESTAMP WITH TIME ZONE,
        finished_at TIMESTAMP WITH TIME ZONE,
        trouble TEXT DEFAULT '' NOT NULL,
        outcome JSONB,
        CONSTRAINT shadow_answer_pkey PRIMARY KEY (id),
        CONSTRAINT shadow_answer_analysis_id_fkey FOREIGN KEY(analysis_id) REFERENCES analysis (id)
            ON DELETE CASCADE,
        CONSTRAINT shadow_answer_analysis_id_candidate_key UNIQUE (analysis_id, candidate)
    )""",
    "CREATE INDEX shadow_answer_finished_at_idx ON shadow_answer (finished_at)",
)
HISTORY = """CREATE FUNCTION model_history_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'the history of the models is append-only';
    END $$"""
APPEND_ONLY = """CREATE TRIGGER model_promotion_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON model_promotion
    FOR EACH STATEMENT EXECUTE FUNCTION model_history_is_append_only()"""


def upgrade() -> None:
    """Make the tables; nothing that the old version reads is touched."""
    for statement in (*TABLES, HISTORY, APPEND_ONLY):
        op.execute(statement)


def downgrade() -> None:
    """Remove them."""
    for table in ("shadow_answer", "model_shadow", "model_promotion", "model"):
        op.execute(f"DROP TABLE {table}")
    op.execute("DROP FUNCTION model_history_is_append_only()")
