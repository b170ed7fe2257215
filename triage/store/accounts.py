"""Accounts: each verb one transaction with its audit line. Hashes go in and come out; passwords never do.

Promises that what weakens an account (another password, another role, disabling) ends its sessions in the
same transaction. Refuses two names that differ only in case or width.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, RowMapping, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from triage.domain.account import Account, Role, name_key
from triage.domain.errors import Conflict, NotFound
from triage.store import audit, tries
from triage.store.account_tables import account, session
from triage.store.engine import transaction

_A = account.c
FIELDS = (
    _A.id,
    _A.name,
    _A.role,
    _A.origin,
    _A.must_change,
    _A.disabled,
    _A.created_at,
    _A.password_set_at,
    _A.last_sign_in_at,
)


@dataclass(frozen=True, slots=True)
class Known:
    """An account with its password's hash, for the check alone; the hash is never shown."""

    account: Account
    password_hash: str

    def __repr__(self) -> str:
        """Return it without the hash."""
        return f"Known({self.account!r})"


def of_row(found: RowMapping) -> Account:
    """Return the account that a row holds."""
    return Account(**{**{column.name: found[column.name] for column in FIELDS}, "role": Role(found["role"])})


def create(
    engine: Engine, name: str, role: Role, password_hash: str, actor: str, *, must_change: bool = False
) -> Account:
    """Make a local account; raises Conflict when the name is taken."""
    row = {
        "name": name,
        "name_key": name_key(name),
        "role": role,
        "password_hash": password_hash,
        "password_set_at": func.now() if password_hash else None,
        "must_change": must_change,
    }
    try:
        with transaction(engine) as connection:
            made = connection.execute(insert(account).values(row).returning(*FIELDS)).mappings().one()
            audit.record(connection, actor, "account.create", name, detail={"role": role})
            return of_row(made)
    except IntegrityError as taken:
        raise Conflict("account", f"an account of the name {name} exists already") from taken


def find(engine: Engine, name: str) -> Account:
    """Return the account of that name; raises NotFound."""
    found = known(engine, name)
    if found is None:
        raise NotFound("account", f"there is no account of the name {name}")
    return found.account


def known(engine: Engine, name: str) -> Known | None:
    """Return the account of that name with its hash, or None."""
    query = select(*FIELDS, _A.password_hash).where(_A.name_key == name_key(name))
    with transaction(engine) as connection:
        found = connection.execute(query).mappings().one_or_none()
    return None if found is None else Known(of_row(found), found["password_hash"])


def everyone(engine: Engine) -> list[Account]:
    """Return every account by name."""
    with transaction(engine) as connection:
        return [of_row(row) for row in connection.execute(select(*FIELDS).order_by(_A.name_key)).mappings()]


def any_admin(engine: Engine) -> bool:
    """Tell whether somebody can look after the accounts."""
    query = select(func.count()).where(_A.role == Role.ADMIN, ~_A.disabled)
    with transaction(engine) as connection:
        return bool(connection.execute(query).scalar_one())


def set_role(engine: Engine, name: str, role: Role, actor: str) -> Account:
    """Give the account another role and end its sessions; raises NotFound."""
    return _change(engine, name, actor, "account.role", {"role": role}, {"role": role})


def set_password(
    engine: Engine, name: str, password_hash: str, actor: str, *, must_change: bool, keep: bytes = b""
) -> Account:
    """Set the hash and end every session but the one of digest `keep`; raises NotFound."""
    values = {"password_hash": password_hash, "password_set_at": func.now(), "must_change": must_change}
    return _change(engine, name, actor, "account.password", values, {"once": must_change}, keep=keep)


def set_disabled(engine: Engine, name: str, disabled: bool, actor: str) -> Account:
    """Close the account, ending its sessions, or open it again; raises NotFound."""
    action = "account.disable" if disabled else "account.enable"
    return _change(engine, name, actor, action, {"disabled": disabled}, {})


def _change(
    engine: Engine,
    name: str,
    actor: str,
    action: str,
    values: dict[str, Any],
    detail: dict[str, Any],
    *,
    keep: bytes = b"",
) -> Account:
    query = update(account).where(_A.name_key == name_key(name)).values(values).returning(*FIELDS)
    with transaction(engine) as connection:
        changed = connection.execute(query).mappings().one_or_none()
        if changed is None:
            raise NotFound("account", f"there is no account of the name {name}")
        ended = end_sessions_of(connection, changed["id"], keep=keep)
        tries.forget_account(connection, name_key(name))
        audit.record(connection, actor, action, changed["name"], detail={**detail, "sessions_ended": ended})
        return of_row(changed)


def end_sessions_of(connection: Connection, account_id: int, *, keep: bytes = b"") -> int:
    """End the account's sessions inside the caller's transaction; return how many."""
    query = delete(session).where(session.c.account_id == account_id, session.c.digest != keep)
    return connection.execute(query).rowcount


def vouched(engine: Engine, origin: str, issuer: str, subject: str, name: str, role: Role) -> Account:
    """Return the account of somebody a provider or proxy vouches for, made or brought up to date.

    Raises Conflict when the name belongs to an account that somebody else vouches for: a provider must
    not take over a local account by naming it.
    """
    who = (_A.origin == origin, _A.issuer == issuer, _A.subject == subject)
    try:
        with transaction(engine) as connection:
            query = select(*FIELDS).where(*who).with_for_update()
            found = connection.execute(query).mappings().one_or_none()
            if found is None:
                return _welcome(connection, origin, issuer, subject, name, role)
            if (found["role"], found["name"]) == (role, name):
                return of_row(found)
            values = {"role": role, "name": name, "name_key": name_key(name)}
            changed = update(account).where(_A.id == found["id"]).values(values).returning(*FIELDS)
            end_sessions_of(connection, found["id"])
            detail = {"role": role, "was": found["role"], "name_was": found["name"], "by": origin}
            audit.record(connection, audit.SYSTEM, "account.role", name, detail=detail)
            return of_row(connection.execute(changed).mappings().one())
    except IntegrityError as taken:
        raise Conflict("account", f"the name {name} belongs to another account") from taken


def _welcome(
    connection: Connection, origin: str, issuer: str, subject: str, name: str, role: Role
) -> Account:
    row = {
        "name": name,
        "name_key": name_key(name),
        "role": role,
        "origin": origin,
        "issuer": issuer,
        "subject": subject,
    }
    made = connection.execute(insert(account).values(row).returning(*FIELDS)).mappings().one()
    audit.record(connection, audit.SYSTEM, "account.create", name, detail={"role": role, "by": origin})
    return of_row(made)
