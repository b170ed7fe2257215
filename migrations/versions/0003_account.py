"""Who may come in: accounts, sessions, tries, API tokens, sign-ins under way at a provider."""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

TABLES = (
    """CREATE TABLE account (
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        name TEXT NOT NULL,
        name_key TEXT NOT NULL,
        role TEXT NOT NULL,
        origin TEXT DEFAULT 'local' NOT NULL,
        issuer TEXT DEFAULT '' NOT NULL,
        subject TEXT DEFAULT '' NOT NULL,
        password_hash TEXT DEFAULT '' NOT NULL,
        password_set_at TIMESTAMP WITH TIME ZONE,
        must_change BOOLEAN DEFAULT false NOT NULL,
        disabled BOOLEAN DEFAULT false NOT NULL,
        created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
        last_sign_in_at TIMESTAMP WITH TIME ZONE,
        CONSTRAINT account_pkey PRIMARY KEY (id),
        CONSTRAINT account_name_key_key UNIQUE (name_key),
        CONSTRAINT account_role_check CHECK (role IN ('viewer', 'reader', 'lead', 'admin')),
        CONSTRAINT account_origin_check CHECK (origin IN ('local', 'oidc', 'proxy'))
    )""",
    "CREATE UNIQUE INDEX account_subject_idx ON account (issuer, subject) WHERE subject <> ''",
    """CREATE TABLE session (
        digest BYTEA NOT NULL,
        account_id BIGINT NOT NULL,
        form_token TEXT NOT NULL,
        address TEXT DEFAULT '' NOT NULL,
        opened_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
        seen_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
        ends_at TIMESTAMP WITH TIME ZONE NOT NULL,
        CONSTRAINT session_pkey PRIMARY KEY (digest),
        CONSTRAINT session_account_id_fkey FOREIGN KEY(account_id) REFERENCES account (id) ON DELETE CASCADE
    )""",
    "CREATE INDEX session_account_id_idx ON session (account_id)",
    "CREATE INDEX session_ends_at_idx ON session (ends_at)",
    """CREATE TABLE tries (
        digest BYTEA NOT NULL,
        count INTEGER NOT NULL,
        last TIMESTAMP WITH TIME ZONE NOT NULL,
        until TIMESTAMP WITH TIME ZONE,
        CONSTRAINT tries_pkey PRIMARY KEY (digest)
    )""",
    "CREATE INDEX tries_last_idx ON tries (last)",
    """CREATE TABLE api_token (
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        name TEXT NOT NULL,
        name_key TEXT NOT NULL,
        digest BYTEA NOT NULL,
        scope TEXT NOT NULL,
        created_by TEXT NOT NULL,
        created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
        expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
        last_used_at TIMESTAMP WITH TIME ZONE,
        revoked_at TIMESTAMP WITH TIME ZONE,
        CONSTRAINT api_token_pkey PRIMARY KEY (id),
        CONSTRAINT api_token_digest_key UNIQUE (digest),
        CONSTRAINT api_token_scope_check CHECK (scope IN ('read', 'act'))
    )""",
    "CREATE UNIQUE INDEX api_token_name_key_idx ON api_token (name_key) WHERE revoked_at IS NULL",
    """CREATE TABLE provider_request (
        digest BYTEA NOT NULL,
        nonce TEXT NOT NULL,
        verifier TEXT NOT NULL,
        place TEXT DEFAULT '' NOT NULL,
        begun_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
        CONSTRAINT provider_request_pkey PRIMARY KEY (digest)
    )""",
)


def upgrade() -> None:
    """Make the tables; nothing that the old version reads is touched."""
    for statement in TABLES:
        op.execute(statement)


def downgrade() -> None:
    """Remove them."""
    for table in ("provider_request", "api_token", "tries", "session", "account"):
        op.execute(f"DROP TABLE {table}")
