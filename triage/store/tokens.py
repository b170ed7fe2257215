"""API tokens: made once, known by their SHA-256, narrowed by scope, ending by themselves.

Promises that the token itself is in no row and that making and ending one is audited in its transaction.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Engine, RowMapping, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from triage.domain.account import Scope, Token, name_key
from triage.domain.errors import Conflict, NotFound
from triage.store import audit
from triage.store.account_tables import api_token
from triage.store.engine import transaction

_T = api_token.c
_FIELDS = (
    _T.id,
    _T.name,
    _T.scope,
    _T.created_by,
    _T.created_at,
    _T.expires_at,
    _T.last_used_at,
    _T.revoked_at,
)
# When a token was last used is worth a row change a minute, not one for each request.
USED_EVERY = timedelta(minutes=1)


def create(engine: Engine, name: str, digest: bytes, scope: Scope, expires_at: datetime, actor: str) -> Token:
    """Remember a token; raises Conflict while another of that name is good."""
    row = {
        "name": name,
        "name_key": name_key(name),
        "digest": digest,
        "scope": scope,
        "created_by": actor,
        "expires_at": expires_at,
    }
    try:
        with transaction(engine) as connection:
            made = connection.execute(insert(api_token).values(row).returning(*_FIELDS)).mappings().one()
            detail = {"scope": scope, "expires_at": expires_at.isoformat()}
            audit.record(connection, actor, "token.create", name, detail=detail)
            return _token(made)
    except IntegrityError as taken:
        raise Conflict("token", f"a token of the name {name} exists already; revoke it first") from taken


def find(engine: Engine, digest: bytes) -> Token | None:
    """Return the good token of that digest and remember that it was used; None for any other."""
    good = (_T.digest == digest, _T.revoked_at.is_(None), _T.expires_at > func.now())
    with transaction(engine) as connection:
        found = (
            connection.execute(select(*_FIELDS, func.now().label("now")).where(*good))
            .mappings()
            .one_or_none()
        )
        if found is None:
            return None
        if found["last_used_at"] is None or found["now"] - found["last_used_at"] > USED_EVERY:
            connection.execute(update(api_token).where(_T.digest == digest).values(last_used_at=func.now()))
        return _token(found)


def everyone(engine: Engine) -> list[Token]:
    """Return every token, the newest first, those that ended too."""
    with transaction(engine) as connection:
        return [_token(row) for row in connection.execute(select(*_FIELDS).order_by(_T.id.desc())).mappings()]


def revoke(engine: Engine, name: str, actor: str) -> Token:
    """End a token at once; raises NotFound."""
    query = (
        update(api_token)
        .where(_T.name_key == name_key(name), _T.revoked_at.is_(None))
        .values(revoked_at=func.now())
        .returning(*_FIELDS)
    )
    with transaction(engine) as connection:
        ended = connection.execute(query).mappings().one_or_none()
        if ended is None:
            raise NotFound("token", f"there is no token of the name {name}")
        audit.record(connection, actor, "token.revoke", ended["name"])
        return _token(ended)


def _token(found: RowMapping) -> Token:
    return Token(
        **{**{column.name: found[column.name] for column in _FIELDS}, "scope": Scope(found["scope"])}
    )
