"""The first schema: catalogue, dispatch, outbox, worklist, audit, presence."""

from __future__ import annotations

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TABLES = (
    """CREATE TABLE audit (
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
        actor TEXT NOT NULL,
        action TEXT NOT NULL,
        subject TEXT NOT NULL,
        study_id BIGINT,
        detail JSONB DEFAULT '{}'::jsonb NOT NULL,
        CONSTRAINT audit_pkey PRIMARY KEY (id)
    )""",
    "CREATE INDEX audit_at_idx ON audit (at)",
    "CREATE INDEX audit_study_id_idx ON audit (study_id)",
    """CREATE TABLE presence (
        process TEXT NOT NULL,
        kind TEXT NOT NULL,
        pid INTEGER NOT NULL,
        host TEXT NOT NULL,
        state TEXT DEFAULT '' NOT NULL,
        started_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
        seen_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
        detail JSONB DEFAULT '{}'::jsonb NOT NULL,
        CONSTRAINT presence_pkey PRIMARY KEY (process)
    )""",
    """CREATE TABLE study (
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        study_instance_uid TEXT NOT NULL,
        state TEXT DEFAULT 'receiving' NOT NULL,
        revision INTEGER DEFAULT '0' NOT NULL,
        patient_id TEXT DEFAULT '' NOT NULL,
        issuer_of_patient_id TEXT DEFAULT '' NOT NULL,
        patient_name TEXT DEFAULT '' NOT NULL,
        patient_birth_date TEXT DEFAULT '' NOT NULL,
        patient_sex TEXT DEFAULT '' NOT NULL,
        accession_number TEXT DEFAULT '' NOT NULL,
        study_id TEXT DEFAULT '' NOT NULL,
        study_date TEXT DEFAULT '' NOT NULL,
        study_time TEXT DEFAULT '' NOT NULL,
        study_description TEXT DEFAULT '' NOT NULL,
        referring_physician_name TEXT DEFAULT '' NOT NULL,
        requested_priority TEXT DEFAULT 'ROUTINE' NOT NULL,
        calling_ae TEXT DEFAULT '' NOT NULL,
        expected_instances INTEGER,
        conflict BOOLEAN DEFAULT false NOT NULL,
        first_arrival TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
        opened_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
        last_arrival TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
        settled_at TIMESTAMP WITH TIME ZONE,
        CONSTRAINT study_pkey PRIMARY KEY (id),
        CONSTRAINT study_study_instance_uid_key UNIQUE (study_instance_uid)
    )""",
    "CREATE INDEX study_accession_number_idx ON study (accession_number)",
    "CREATE INDEX study_patient_id_idx ON study (patient_id)",
    "CREATE INDEX study_receiving_idx ON study (last_arrival) WHERE state = 'receiving'",
    """CREATE TABLE analysis (
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        study_id BIGINT NOT NULL,
        revision INTEGER NOT NULL,
        algorithm TEXT NOT NULL,
        generation INTEGER DEFAULT '1' NOT NULL,
        state TEXT DEFAULT 'queued' NOT NULL,
        attempts INTEGER DEFAULT '0' NOT NULL,
        fence BIGINT DEFAULT '0' NOT NULL,
        worker TEXT DEFAULT '' NOT NULL,
        due_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
        rung_at TIMESTAMP WITH TIME ZONE,
        lease_until TIMESTAMP WITH TIME ZONE,
        queued_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
        first_started_at TIMESTAMP WITH TIME ZONE,
        started_at TIMESTAMP WITH TIME ZONE,
        finished_at TIMESTAMP WITH TIME ZONE,
        reason TEXT DEFAULT '' NOT NULL,
        sentence TEXT DEFAULT '' NOT NULL,
        quarantined BOOLEAN DEFAULT false NOT NULL,
        outcome JSONB,
        CONSTRAINT analysis_pkey PRIMARY KEY (id),
        CONSTRAINT analysis_study_id_revision_algorithm_generation_key UNIQUE (study_id, revision, algorithm, generation),
        CONSTRAINT analysis_study_id_fkey FOREIGN KEY(study_id) REFERENCES study (id) ON DELETE CASCADE
    )""",
    "CREATE INDEX analysis_open_idx ON analysis (due_at) WHERE state IN ('queued', 'running')",
    """CREATE TABLE eligibility (
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        study_id BIGINT NOT NULL,
        revision INTEGER NOT NULL,
        sop_instance_uid TEXT NOT NULL,
        eligible BOOLEAN NOT NULL,
        reason TEXT DEFAULT '' NOT NULL,
        sentence TEXT DEFAULT '' NOT NULL,
        CONSTRAINT eligibility_pkey PRIMARY KEY (id),
        CONSTRAINT eligibility_study_id_revision_sop_instance_uid_key UNIQUE (study_id, revision, sop_instance_uid),
        CONSTRAINT eligibility_study_id_fkey FOREIGN KEY(study_id) REFERENCES study (id) ON DELETE CASCADE
    )""",
    """CREATE TABLE revision (
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        study_id BIGINT NOT NULL,
        number INTEGER NOT NULL,
        reason TEXT NOT NULL,
        instances INTEGER NOT NULL,
        closed_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
        CONSTRAINT revision_pkey PRIMARY KEY (id),
        CONSTRAINT revision_study_id_number_key UNIQUE (study_id, number),
        CONSTRAINT revision_study_id_fkey FOREIGN KEY(study_id) REFERENCES study (id) ON DELETE CASCADE
    )""",
    """CREATE TABLE series (
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        study_id BIGINT NOT NULL,
        series_instance_uid TEXT NOT NULL,
        modality TEXT DEFAULT '' NOT NULL,
        series_number INTEGER,
        series_description TEXT DEFAULT '' NOT NULL,
        CONSTRAINT series_pkey PRIMARY KEY (id),
        CONSTRAINT series_study_id_series_instance_uid_key UNIQUE (study_id, series_instance_uid),
        CONSTRAINT series_study_id_fkey FOREIGN KEY(study_id) REFERENCES study (id) ON DELETE CASCADE
    )""",
    """CREATE TABLE worklist_item (
        study_id BIGINT NOT NULL,
        state TEXT DEFAULT 'SCHEDULED' NOT NULL,
        version BIGINT DEFAULT '1' NOT NULL,
        requested_priority TEXT DEFAULT 'ROUTINE' NOT NULL,
        tier INTEGER NOT NULL,
        key DOUBLE PRECISION NOT NULL,
        arrived_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
        study_instance_uid TEXT NOT NULL,
        reason_code TEXT NOT NULL,
        reason TEXT NOT NULL,
        ai_status TEXT DEFAULT 'waiting' NOT NULL,
        ai_reason TEXT DEFAULT '' NOT NULL,
        ai_sentence TEXT DEFAULT '' NOT NULL,
        outcome TEXT DEFAULT '' NOT NULL,
        probability DOUBLE PRECISION,
        threshold DOUBLE PRECISION,
        flagged_before BOOLEAN DEFAULT false NOT NULL,
        policy TEXT DEFAULT '' NOT NULL,
        touched_by_person BOOLEAN DEFAULT false NOT NULL,
        pinned_by TEXT DEFAULT '' NOT NULL,
        pin_reason TEXT DEFAULT '' NOT NULL,
        pinned_at TIMESTAMP WITH TIME ZONE,
        claimed_by TEXT DEFAULT '' NOT NULL,
        claimed_at TIMESTAMP WITH TIME ZONE,
        claimed_until TIMESTAMP WITH TIME ZONE,
        opened_at TIMESTAMP WITH TIME ZONE,
        completed_at TIMESTAMP WITH TIME ZONE,
        completed_by TEXT DEFAULT '' NOT NULL,
        changed_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
        CONSTRAINT worklist_item_pkey PRIMARY KEY (study_id),
        CONSTRAINT worklist_item_study_id_fkey FOREIGN KEY(study_id) REFERENCES study (id) ON DELETE CASCADE
    )""",
    "CREATE INDEX worklist_item_completed_idx ON worklist_item (completed_at) WHERE state = 'COMPLETED'",
    """CREATE INDEX worklist_item_order_idx ON worklist_item
    (tier, key, arrived_at, study_instance_uid)
    WHERE state IN ('SCHEDULED', 'IN PROGRESS')""",
    """CREATE TABLE evidence (
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        analysis_id BIGINT NOT NULL,
        study_id BIGINT NOT NULL,
        kind TEXT NOT NULL,
        sop_class_uid TEXT NOT NULL,
        sop_instance_uid TEXT NOT NULL,
        series_instance_uid TEXT NOT NULL,
        transfer_syntax_uid TEXT NOT NULL,
        spool_name TEXT NOT NULL,
        digest TEXT NOT NULL,
        size BIGINT NOT NULL,
        urgency INTEGER DEFAULT '0' NOT NULL,
        created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
        CONSTRAINT evidence_pkey PRIMARY KEY (id),
        CONSTRAINT evidence_analysis_id_fkey FOREIGN KEY(analysis_id) REFERENCES analysis (id) ON DELETE CASCADE,
        CONSTRAINT evidence_study_id_fkey FOREIGN KEY(study_id) REFERENCES study (id) ON DELETE CASCADE,
        CONSTRAINT evidence_sop_instance_uid_key UNIQUE (sop_instance_uid)
    )""",
    "CREATE INDEX evidence_study_id_idx ON evidence (study_id)",
    """CREATE TABLE finding (
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        analysis_id BIGINT NOT NULL,
        kind TEXT NOT NULL,
        sop_instance_uid TEXT,
        reason TEXT DEFAULT '' NOT NULL,
        probability DOUBLE PRECISION,
        detail JSONB NOT NULL,
        CONSTRAINT finding_pkey PRIMARY KEY (id),
        CONSTRAINT finding_analysis_id_fkey FOREIGN KEY(analysis_id) REFERENCES analysis (id) ON DELETE CASCADE
    )""",
    "CREATE INDEX finding_analysis_id_idx ON finding (analysis_id)",
    """CREATE TABLE instance (
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        study_id BIGINT NOT NULL,
        series_id BIGINT NOT NULL,
        sop_instance_uid TEXT NOT NULL,
        sop_class_uid TEXT NOT NULL,
        transfer_syntax_uid TEXT NOT NULL,
        digest TEXT NOT NULL,
        size BIGINT NOT NULL,
        spool_name TEXT NOT NULL,
        calling_ae TEXT DEFAULT '' NOT NULL,
        arrived_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
        current BOOLEAN DEFAULT true NOT NULL,
        own_result BOOLEAN DEFAULT false NOT NULL,
        revision INTEGER,
        modality TEXT DEFAULT '' NOT NULL,
        body_part TEXT DEFAULT '' NOT NULL,
        view_position TEXT DEFAULT '' NOT NULL,
        photometric TEXT DEFAULT '' NOT NULL,
        manufacturer TEXT DEFAULT '' NOT NULL,
        rows INTEGER,
        columns INTEGER,
        frames INTEGER DEFAULT '1' NOT NULL,
        problem TEXT DEFAULT '' NOT NULL,
        CONSTRAINT instance_pkey PRIMARY KEY (id),
        CONSTRAINT instance_sop_instance_uid_digest_study_id_key UNIQUE (sop_instance_uid, digest, study_id),
        CONSTRAINT instance_study_id_fkey FOREIGN KEY(study_id) REFERENCES study (id) ON DELETE CASCADE,
        CONSTRAINT instance_series_id_fkey FOREIGN KEY(series_id) REFERENCES series (id) ON DELETE CASCADE
    )""",
    "CREATE UNIQUE INDEX instance_current_idx ON instance (sop_instance_uid) WHERE current",
    "CREATE INDEX instance_study_id_idx ON instance (study_id)",
    """CREATE TABLE delivery (
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        evidence_id BIGINT NOT NULL,
        peer TEXT NOT NULL,
        state TEXT DEFAULT 'pending' NOT NULL,
        attempts INTEGER DEFAULT '0' NOT NULL,
        next_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
        last_status INTEGER,
        last_error TEXT DEFAULT '' NOT NULL,
        sent_at TIMESTAMP WITH TIME ZONE,
        CONSTRAINT delivery_pkey PRIMARY KEY (id),
        CONSTRAINT delivery_evidence_id_peer_key UNIQUE (evidence_id, peer),
        CONSTRAINT delivery_evidence_id_fkey FOREIGN KEY(evidence_id) REFERENCES evidence (id) ON DELETE CASCADE
    )""",
    "CREATE INDEX delivery_pending_idx ON delivery (peer, next_at) WHERE state = 'pending'",
)

CHECKS = (
    "ALTER TABLE study ADD CONSTRAINT study_state_check CHECK (state IN ('receiving', 'closed', 'analysed'))",
    """ALTER TABLE analysis ADD CONSTRAINT analysis_state_check
    CHECK (state IN ('queued', 'running', 'succeeded', 'failed', 'superseded'))""",
    """ALTER TABLE delivery ADD CONSTRAINT delivery_state_check
    CHECK (state IN ('pending', 'sent', 'committed', 'refused', 'superseded'))""",
    """ALTER TABLE worklist_item ADD CONSTRAINT worklist_item_state_check
    CHECK (state IN ('SCHEDULED', 'IN PROGRESS', 'COMPLETED', 'CANCELED'))""",
)

# The payload names the row and its version, never a patient; sent at commit, so a reader sees the new row.
NOTIFY = (
    """CREATE FUNCTION worklist_changed() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM pg_notify('worklist', NEW.study_id || ':' || NEW.version);
        RETURN NULL;
    END $$""",
    """CREATE TRIGGER worklist_item_changed AFTER INSERT OR UPDATE ON worklist_item
    FOR EACH ROW EXECUTE FUNCTION worklist_changed()""",
    """CREATE FUNCTION delivery_due() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM pg_notify('delivery', NEW.peer);
        RETURN NULL;
    END $$""",
    """CREATE TRIGGER delivery_pending AFTER INSERT ON delivery
    FOR EACH ROW EXECUTE FUNCTION delivery_due()""",
)

# The audit remembers: rows are added, never changed.
APPEND_ONLY = (
    """CREATE FUNCTION audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'the audit is append-only';
    END $$""",
    """CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit
    FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only()""",
)


def upgrade() -> None:
    """Make everything."""
    for statement in (*TABLES, *CHECKS, *NOTIFY, *APPEND_ONLY):
        op.execute(statement)


def downgrade() -> None:
    """Remove everything this revision made."""
    for table in ("presence", "audit", "delivery", "evidence", "finding", "worklist_item", "analysis"):
        op.execute(f"DROP TABLE {table}")
    for table in ("eligibility", "revision", "instance", "series", "study"):
        op.execute(f"DROP TABLE {table}")
    for function in ("worklist_changed", "delivery_due", "audit_is_append_only"):
        op.execute(f"DROP FUNCTION {function}")
