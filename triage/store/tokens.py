"""API tokens: made once, known by their SHA-256, narrowed by scope, ending by themselves.

Promises that the token itself is in no row, that making and ending one is audited in its transaction, and that a
token of somebody's account goes no further than that account now: not at all while it is closed.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    RowMapping,
    Select,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError

from triage.domain.account import Role, Scope, Token, name_key, reach_of
from triage.domain.errors import Conflict, NotFound
from triage.store import audit
from triage.store.account_tables import account, api_token
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
    """Remember a token; raises Conflict while another of that name is good.

    Where the actor is the name of an account, the token is that account's.
    """
    maker = select(account.c.id).where(account.c.name_key == name_key(actor))
    row = {
        "name": name,
        "name_key": name_key(name),
        "digest": digest,
        "scope": scope,
        "created_by": actor,
        "maker_id": maker.scalar_subquery(),
        "expires_at": expires_at,
    }
    try:
        with transaction(engine) as connection:
            made = connection.execute(insert(api_token).values(row).returning(_T.id)).scalar_one()
            detail = {"scope": scope, "expires_at": expires_at.isoformat()}
            audit.record(connection, actor, "token.create", name, detail=detail)
            return _by_id(connection, made)
    except IntegrityError as taken:
        raise Conflict("token", f"a token of the name {name} exists already; revoke it first") from taken


def find(engine: Engine, digest: bytes) -> Token | None:
    """Return the good token of that digest and remember that it was used; None for any other, and for one whose
    maker's account is closed."""
    good = (_T.digest == digest, _T.revoked_at.is_(None), _T.expires_at > func.now())
    query = _listed(func.now().label("now")).where(*good, or_(account.c.id.is_(None), ~account.c.disabled))
    with transaction(engine) as connection:
        found = connection.execute(query).mappings().one_or_none()
        if found is None:
            return None
        if found["last_used_at"] is None or found["now"] - found["last_used_at"] > USED_EVERY:
            connection.execute(update(api_token).where(_T.digest == digest).values(last_used_at=func.now()))
        return _token(found)


def everyone(engine: Engine) -> list[Token]:
    """Return every token, the newest first, those that ended too."""
    with transaction(engine) as connection:
        return [_token(row) for row in connection.execute(_listed().order_by(_T.id.desc())).mappings()]


def revoke(engine: Engine, name: str, actor: str) -> Token:
    """End a token at once; raises NotFound."""
    query = (
        update(api_token)
        .where(_T.name_key == name_key(name), _T.revoked_at.is_(None))
        .values(revoked_at=func.now())
        .returning(_T.id)
    )
    with transaction(engine) as connection:
        ended = connection.execute(query).scalar_one_or_none()
        if ended is None:
            raise NotFound("token", f"there is no token of the name {name}")
        gone = _by_id(connection, ended)
        audit.record(connection, actor, "token.revoke", gone.name)
        return gone


def _listed(*more: ColumnElement[Any]) -> Select[Any]:
    maker = (account.c.role.label("maker_role"), account.c.disabled.label("maker_closed"))
    return select(*_FIELDS, *maker, *more).outerjoin(account, account.c.id == _T.maker_id)


def _by_id(connection: Connection, token_id: int) -> Token:
    return _token(connection.execute(_listed().where(_T.id == token_id)).mappings().one())


def _token(found: RowMapping) -> Token:
    scope = Scope(found["scope"])
    maker = Role(found["maker_role"]) if found["maker_role"] else None
    reach = None if found["maker_closed"] else reach_of(scope, maker)
    return Token(
        **{**{column.name: found[column.name] for column in _FIELDS}, "scope": scope, "reach": reach}
    )
