"""The order as data: versions of the policy, first openings, and what a row's place rests on."""

from __future__ import annotations

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

OPEN = "state IN ('SCHEDULED', 'IN PROGRESS')"

TABLES = (
    """CREATE TABLE worklist_policy (
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
        actor TEXT NOT NULL,
        reason TEXT NOT NULL,
        name TEXT NOT NULL,
        parameters JSONB NOT NULL,
        CONSTRAINT worklist_policy_pkey PRIMARY KEY (id)
    )""",
    """CREATE TABLE worklist_opening (
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        study_id BIGINT NOT NULL,
        waits_since TIMESTAMP WITH TIME ZONE NOT NULL,
        opened_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
        reader TEXT NOT NULL,
        requested_priority TEXT NOT NULL,
        tier INTEGER NOT NULL,
        offered BOOLEAN NOT NULL,
        promoted BOOLEAN NOT NULL,
        past INTEGER NOT NULL,
        CONSTRAINT worklist_opening_pkey PRIMARY KEY (id),
        CONSTRAINT worklist_opening_study_id_waits_since_key UNIQUE (study_id, waits_since)
    )""",
    "CREATE INDEX worklist_opening_guard_idx ON worklist_opening (waits_since) WHERE tier = 2",
)
COLUMNS = (
    "ALTER TABLE worklist_item ADD COLUMN counted JSONB",
    "ALTER TABLE worklist_item ADD COLUMN handled_at TIMESTAMP WITH TIME ZONE",
    "ALTER TABLE worklist_item ADD COLUMN waits_since TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL",
)
# Only what waits now has a place to keep; what was read gets its values when it comes back.
FILL = (
    f"""UPDATE worklist_item SET waits_since = arrived_at, handled_at = opened_at,
    counted = CASE
        WHEN outcome IN ('FLAGGED', 'NOT_FLAGGED') AND probability IS NOT NULL THEN jsonb_build_object(
            'flagged', outcome = 'FLAGGED', 'findings', jsonb_build_object('fresh-fracture', probability))
        WHEN flagged_before THEN (
            SELECT jsonb_build_object('flagged', a.outcome->'triage'->>'outcome' = 'FLAGGED',
                'findings', jsonb_build_object('fresh-fracture', a.outcome->'triage'->'probability'))
            FROM analysis a WHERE a.study_id = worklist_item.study_id AND a.state = 'succeeded'
                AND a.outcome->'triage'->>'probability' IS NOT NULL ORDER BY a.id DESC LIMIT 1)
    END
    WHERE {OPEN}""",
)
INDEXES = (
    "CREATE INDEX worklist_item_canceled_idx ON worklist_item (changed_at) WHERE state = 'CANCELED'",
    "CREATE INDEX worklist_item_claimed_idx ON worklist_item (claimed_by) WHERE state = 'IN PROGRESS'",
    f"""CREATE INDEX worklist_item_guard_idx ON worklist_item
    (requested_priority, waits_since, study_instance_uid) WHERE tier = 2 AND {OPEN}""",
    f"""CREATE INDEX worklist_item_not_analysed_idx ON worklist_item
    (tier, key, arrived_at, study_instance_uid)
    WHERE {OPEN} AND (ai_status = 'not-analysed' OR outcome = 'ABSTAINED')""",
)
APPEND_ONLY = """CREATE TRIGGER worklist_policy_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON worklist_policy
    FOR EACH STATEMENT EXECUTE FUNCTION history_is_append_only()"""
HISTORY = """CREATE FUNCTION history_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'the history of the policy is append-only';
    END $$"""
# A change of policy moves every row: one word for the pages to read again, not a notification for each row.
NOTIFY = """CREATE OR REPLACE FUNCTION worklist_changed() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF current_setting('triage.rekeying', true) = 'on' THEN
            RETURN NULL;
        END IF;
        PERFORM pg_notify('worklist', NEW.study_id || ':' || NEW.version);
        RETURN NULL;
    END $$"""
NOTIFY_BEFORE = """CREATE OR REPLACE FUNCTION worklist_changed() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM pg_notify('worklist', NEW.study_id || ':' || NEW.version);
        RETURN NULL;
    END $$"""


def upgrade() -> None:
    """Add; the old version goes on reading and writing its own columns."""
    for statement in (*TABLES, *COLUMNS, *FILL, *INDEXES, HISTORY, APPEND_ONLY, NOTIFY):
        op.execute(statement)


def downgrade() -> None:
    """Remove what this revision made."""
    op.execute(NOTIFY_BEFORE)
    for table in ("worklist_opening", "worklist_policy"):
        op.execute(f"DROP TABLE {table}")
    op.execute("DROP FUNCTION history_is_append_only()")
    for index in ("canceled", "claimed", "guard", "not_analysed"):
        op.execute(f"DROP INDEX worklist_item_{index}_idx")
    for column in ("counted", "handled_at", "waits_since"):
        op.execute(f"ALTER TABLE worklist_item DROP COLUMN {column}")
