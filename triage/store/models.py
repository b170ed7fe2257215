"""The life of a bundle as rows: imported, promoted, rolled back; each change with who, when and why.

Promises: what answers under a name is the newest promotion's bundle, else the one that was shipped; a rollback
comes back to what the newest promotion had replaced; every change is audited in its transaction, and two
changes never interleave. Refuses to give a version another content, and a name that nothing here serves.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Engine, RowMapping, Subquery, delete, desc, func, insert, select
from sqlalchemy.dialects.postgresql import distinct_on

from triage.domain.errors import Conflict, NotFound, Refused
from triage.domain.model import (
    AS_SHIPPED,
    SERVED,
    Model,
    ModelRole,
    Placed,
    Promotion,
    parse_reason,
    spoken,
)
from triage.store import audit
from triage.store.engine import transaction
from triage.store.model_tables import model, model_promotion, model_shadow

_LOCK = 0x5350_0003  # one number for the whole product (pg_advisory)
_P = model_promotion.c


def register(engine: Engine, found: Mapping[str, str], actor: str) -> tuple[Model, bool]:
    """Record an imported bundle; return it and whether it is new. Raises Conflict for another content.

    `found` holds name, version, digest, data_origin and architecture.
    """
    with transaction(engine) as connection:
        alone(connection)
        known = _find(connection, found["name"], found["version"])
        if known is not None:
            if known.digest != found["digest"]:
                raise Conflict(
                    "model", f"{known.reference} is another bundle here: give the new one another version"
                )
            return known, False
        row = insert(model).values(**found, imported_by=actor).returning(model)
        made = Model(**connection.execute(row).mappings().one())
        audit.record(
            connection, actor, "model.import", f"model:{made.reference}", detail={"digest": made.digest}
        )
    return made, True


def promote(engine: Engine, name: str, version: str, actor: str, reason: str) -> Promotion:
    """Let a registered bundle answer from now on; its shadow run ends. Raises Refused, NotFound or Conflict."""
    words = parse_reason(reason)
    with transaction(engine) as connection:
        alone(connection)
        wanted = demanded(connection, name, version)
        top = _top(connection, name)
        if top is not None and top["model_id"] == wanted.id:
            raise Conflict("model", f"{wanted.reference} answers already")
        ended = delete(model_shadow).where(model_shadow.c.model_id == wanted.id)
        connection.execute(ended)
        return _place(connection, "promote", name, wanted, top, below=top, who=(actor, words))


def rollback(engine: Engine, actor: str, reason: str, name: str | None = None) -> Promotion:
    """Take back the newest promotion (of `name`, else of any); raises Conflict when there is none."""
    words = parse_reason(reason)
    with transaction(engine) as connection:
        alone(connection)
        top = _taken_back(connection, name)
        back = _row(connection, top["below_id"])
        came = None if back is None else _by_id(connection, back["model_id"])
        below = None if back is None else _row(connection, back["below_id"])
        return _place(connection, "rollback", top["name"], came, top, below=below, who=(actor, words))


def rolls_back_to(engine: Engine, name: str | None = None) -> Model | None:
    """Return what a rollback would let answer, None for what was shipped; raises Conflict as `rollback`."""
    with transaction(engine) as connection:
        back = _row(connection, _taken_back(connection, name)["below_id"])
        return None if back is None else _by_id(connection, back["model_id"])


def registered(engine: Engine, name: str, version: str) -> str | None:
    """Return the digest (SHA-256, hex) that a name and version were imported with, None if they were not."""
    with transaction(engine) as connection:
        found = _find(connection, name, version)
    return None if found is None else found.digest


def live(engine: Engine) -> dict[str, Model]:
    """Return what was promoted, by name; a name that is missing answers with the shipped bundle."""
    with transaction(engine) as connection:
        return {name: placed.model for name, placed in _live(connection).items()}


def catalogue(engine: Engine) -> list[Placed]:
    """Return every registered bundle with its role, by name, the newest import first."""
    query = select(model).order_by(model.c.name, desc(model.c.id))
    with transaction(engine) as connection:
        known = [Model(**row) for row in connection.execute(query).mappings()]
        roles = {placed.model.id: placed for placed in _previous(connection)}
        roles |= {placed.model.id: placed for placed in shadowed(connection)}
        roles |= {placed.model.id: placed for placed in _live(connection).values()}
    return [roles.get(one.id, Placed(one, ModelRole.NONE)) for one in known]


def history(engine: Engine, limit: int = 100) -> list[Promotion]:
    """Return promotions and rollbacks, the newest first."""
    before = func.lag(_P.model_id).over(partition_by=_P.name, order_by=_P.id).label("before_id")
    query = select(model_promotion, before).order_by(desc(_P.id)).limit(limit)
    with transaction(engine) as connection:
        known = {row["id"]: Model(**row) for row in connection.execute(select(model)).mappings()}
        return [
            Promotion(
                **{name: row[name] for name in ("id", "at", "actor", "reason", "act", "name")},
                now=known.get(row["model_id"]),
                before=known.get(row["before_id"]),
            )
            for row in connection.execute(query).mappings()
        ]


def alone(connection: Connection) -> None:
    """Let one change of the models happen at a time, until this transaction ends."""
    connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))


def demanded(connection: Connection, name: str, version: str) -> Model:
    """Return the registered bundle of a name that is served; raises Refused or NotFound."""
    if name not in SERVED:
        raise Refused("model", f"nothing here is served under {name!r}; served: {', '.join(SERVED)}")
    found = _find(connection, name, version)
    if found is None:
        raise NotFound("model", f"{name}@{version} was not imported; `triage model list` names what was")
    return found


def shadowed(connection: Connection) -> list[Placed]:
    """Return what runs in the shadow, inside the caller's transaction."""
    query = select(model, model_shadow.c.since, model_shadow.c.actor, model_shadow.c.reason)
    query = query.join(model_shadow, model_shadow.c.model_id == model.c.id).order_by(model.c.name)
    return [
        Placed(_model(row), ModelRole.SHADOW, row["since"], row["actor"], row["reason"])
        for row in connection.execute(query).mappings()
    ]


def live_in(connection: Connection, name: str) -> Model | None:
    """Return what answers under a name, None for what was shipped."""
    placed = _live(connection).get(name)
    return None if placed is None else placed.model


def _place(
    connection: Connection,
    act: str,
    name: str,
    now: Model | None,
    top: RowMapping | None,
    *,
    below: RowMapping | None,
    who: tuple[str, str],
) -> Promotion:
    actor, reason = who
    values = {
        "actor": actor,
        "reason": reason,
        "act": act,
        "name": name,
        "model_id": None if now is None else now.id,
        "below_id": None if below is None else below["id"],
    }
    query = insert(model_promotion).values(values).returning(_P.id, _P.at)
    number, moment = connection.execute(query).one()
    before = None if top is None else _by_id(connection, top["model_id"])
    detail = {
        "from": spoken(before),
        "to": spoken(now),
        "digest": None if now is None else now.digest,
        "reason": reason,
    }
    audit.record(connection, actor, f"model.{act}", f"model:{name}", detail=detail)
    return Promotion(number, moment, actor, reason, act, name, now, before)


def _newest() -> Subquery:
    """The last promotion or rollback of each name."""
    return select(model_promotion).ext(distinct_on(_P.name)).order_by(_P.name, desc(_P.id)).subquery()


def _live(connection: Connection) -> dict[str, Placed]:
    newest = _newest()
    query = select(model, newest.c.at, newest.c.actor, newest.c.reason)
    query = query.join(newest, newest.c.model_id == model.c.id)
    rows = connection.execute(query).mappings()
    return {
        row["name"]: Placed(_model(row), ModelRole.LIVE, row["at"], row["actor"], row["reason"])
        for row in rows
    }


def _previous(connection: Connection) -> list[Placed]:
    """Return what a rollback of each name would come back to, where that is an imported bundle."""
    newest = _newest()
    below = model_promotion.alias()
    query = select(model, below.c.at, below.c.actor, below.c.reason)
    query = query.join(below, below.c.model_id == model.c.id).join(newest, newest.c.below_id == below.c.id)
    return [
        Placed(_model(row), ModelRole.PREVIOUS, row["at"], row["actor"], row["reason"])
        for row in connection.execute(query).mappings()
    ]


def _top(connection: Connection, name: str) -> RowMapping | None:
    query = select(model_promotion).where(_P.name == name).order_by(desc(_P.id)).limit(1)
    return connection.execute(query).mappings().one_or_none()


def _taken_back(connection: Connection, name: str | None) -> RowMapping:
    top = _top(connection, name) if name else _newest_that_stands(connection)
    if top is None or top["model_id"] is None:
        what = name or "every model"
        raise Conflict("model", f"{what} is {AS_SHIPPED}: no promotion is left to take back")
    return top


def _newest_that_stands(connection: Connection) -> RowMapping | None:
    newest = _newest()
    query = select(newest).where(newest.c.model_id.is_not(None)).order_by(desc(newest.c.id)).limit(1)
    return connection.execute(query).mappings().one_or_none()


def _row(connection: Connection, number: int | None) -> RowMapping | None:
    if number is None:
        return None
    return connection.execute(select(model_promotion).where(_P.id == number)).mappings().one()


def _find(connection: Connection, name: str, version: str) -> Model | None:
    query = select(model).where(model.c.name == name, model.c.version == version)
    row = connection.execute(query).mappings().one_or_none()
    return None if row is None else Model(**row)


def _by_id(connection: Connection, number: int | None) -> Model | None:
    if number is None:
        return None
    return Model(**connection.execute(select(model).where(model.c.id == number)).mappings().one())


def _model(row: Any) -> Model:
    return Model(**{name: row[name] for name in Model.__slots__})
