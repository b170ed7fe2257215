"""The tables of who may come in: accounts, sessions, tries, places, API tokens, sign-ins under way at a provider.

No secret stands here in the clear: of session ids, tokens and states only the SHA-256, of passwords the
argon2 hash. `tries.digest` is the SHA-256 of what was typed, because people type passwords into name fields.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    func,
    text,
)

from triage.store.tables import metadata


def _id() -> Column[int]:
    return Column("id", BigInteger, Identity(always=True), primary_key=True)


def _word(name: str, default: str = "") -> Column[str]:
    return Column(name, Text, nullable=False, server_default=default)


def _at(name: str, *, nullable: bool = True) -> Column[object]:
    return Column(name, DateTime(timezone=True), nullable=nullable)


def _now(name: str) -> Column[object]:
    return Column(name, DateTime(timezone=True), nullable=False, server_default=func.now())


account = Table(
    "account",
    metadata,
    _id(),
    Column("name", Text, nullable=False),
    Column("name_key", Text, nullable=False, unique=True),
    Column("role", Text, nullable=False),
    _word("origin", "local"),
    # Who a provider says it is: issuer and subject, which stay when the name changes.
    _word("issuer"),
    _word("subject"),
    _word("password_hash"),
    _at("password_set_at"),
    Column("must_change", Boolean, nullable=False, server_default=text("false")),
    Column("disabled", Boolean, nullable=False, server_default=text("false")),
    _now("created_at"),
    _at("last_sign_in_at"),
    Index("account_subject_idx", "issuer", "subject", unique=True, postgresql_where=text("subject <> ''")),
)

session = Table(
    "session",
    metadata,
    Column("digest", LargeBinary, primary_key=True),
    Column("account_id", BigInteger, ForeignKey("account.id", ondelete="CASCADE"), nullable=False),
    # What this session's forms repeat (CSRF); useless without the cookie.
    Column("form_token", Text, nullable=False),
    _word("address"),
    _now("opened_at"),
    _now("seen_at"),
    _at("ends_at", nullable=False),
    Index("session_account_id_idx", "account_id"),
    Index("session_ends_at_idx", "ends_at"),
)

tries = Table(
    "tries",
    metadata,
    Column("digest", LargeBinary, primary_key=True),
    Column("count", Integer, nullable=False),
    _at("last", nullable=False),
    _at("until"),
    # By which the tries at one name are forgotten together, wherever they came from.
    Column("whose", LargeBinary),
    Index("tries_last_idx", "last"),
    Index("tries_whose_idx", "whose", postgresql_where=text("whose IS NOT NULL")),
)

# Where an account signed in from: a stranger's guesses elsewhere do not slow it here.
sign_in_place = Table(
    "sign_in_place",
    metadata,
    Column("account_id", BigInteger, ForeignKey("account.id", ondelete="CASCADE"), primary_key=True),
    Column("place", Text, primary_key=True),
    _now("last_at"),
    Index("sign_in_place_last_at_idx", "last_at"),
)

api_token = Table(
    "api_token",
    metadata,
    _id(),
    Column("name", Text, nullable=False),
    Column("name_key", Text, nullable=False),
    Column("digest", LargeBinary, nullable=False, unique=True),
    Column("scope", Text, nullable=False),
    Column("created_by", Text, nullable=False),
    _now("created_at"),
    _at("expires_at", nullable=False),
    _at("last_used_at"),
    _at("revoked_at"),
    # The account that made it, where an account did: without it there is no token.
    Column("maker_id", BigInteger, ForeignKey("account.id", ondelete="CASCADE")),
    Index("api_token_maker_id_idx", "maker_id", postgresql_where=text("maker_id IS NOT NULL")),
    Index("api_token_name_key_idx", "name_key", unique=True, postgresql_where=text("revoked_at IS NULL")),
)

provider_request = Table(
    "provider_request",
    metadata,
    Column("digest", LargeBinary, primary_key=True),
    Column("nonce", Text, nullable=False),
    Column("verifier", Text, nullable=False),
    _word("place"),
    _now("begun_at"),
)
