"""Lists that readers named, their own and everybody's, and the columns each reader chose.

Promises that no view holds what somebody searched for: that is a patient's name, and views are kept for good.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, Engine, RowMapping, delete, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from triage.domain.errors import NotFound
from triage.domain.reading import USUAL_COLUMNS, Column, Filters, SavedView, columns, demand_lasting
from triage.domain.worklist import Tab
from triage.store import audit
from triage.store.engine import transaction
from triage.store.queries import filters_json, filters_of
from triage.store.reading_tables import reader_columns, saved_view

_V = saved_view.c


def views_within(connection: Connection, reader: str) -> list[SavedView]:
    """Return the reader's own views, then everybody's, each by name, inside the caller's transaction."""
    query = select(saved_view).where(or_(_V.owner == reader, _V.shared))
    query = query.order_by(_V.owner != reader, _V.name, _V.id)
    return [_view(found) for found in connection.execute(query).mappings()]


def view(engine: Engine, reader: str, view_id: int) -> SavedView:
    """Return one view that the reader may see; raises NotFound."""
    query = select(saved_view).where(_V.id == view_id, or_(_V.owner == reader, _V.shared))
    with transaction(engine) as connection:
        found = connection.execute(query).mappings().one_or_none()
    if found is None:
        raise NotFound("view", "there is no such view")
    return _view(found)


def save(
    engine: Engine,
    reader: str,
    name: str,
    tab: Tab,
    filters: Filters,
    chosen: Iterable[Column],
    *,
    shared: bool = False,
) -> int:
    """Save a view under a name; the reader's own view of that name is replaced. Returns its id; raises Refused for
    filters with a search."""
    demand_lasting(filters)
    values: dict[str, Any] = {
        "tab": tab,
        "filters": filters_json(filters),
        "columns": [str(column) for column in chosen],
        "shared": shared,
    }
    statement = (
        insert(saved_view)
        .values(name=name, owner=reader, **values)
        .on_conflict_do_update(index_elements=["owner", "name"], set_={**values, "saved_at": func.now()})
        .returning(_V.id)
    )
    with transaction(engine) as connection:
        made = int(connection.execute(statement).scalar_one())
        audit.record(connection, reader, "view.save", f"view:{made}", detail={"shared": shared})
    return made


def forget(engine: Engine, reader: str, view_id: int) -> None:
    """Delete one of the reader's own views; raises NotFound for anybody else's."""
    with transaction(engine) as connection:
        gone = connection.execute(delete(saved_view).where(_V.id == view_id, _V.owner == reader))
        if not gone.rowcount:
            raise NotFound("view", "there is no such view of yours")
        audit.record(connection, reader, "view.forget", f"view:{view_id}")


def strip_searches(engine: Engine) -> int:
    """Take the text out of the views that hold one; return how many. A version before 0010 that runs beside this one
    may still write one after the migration."""
    without = _V.filters.op("||")({"text": ""})
    with transaction(engine) as connection:
        holding = update(saved_view).where(_V.filters["text"].as_string() != "")
        return connection.execute(holding.values(filters=without)).rowcount


def chosen_columns(engine: Engine, reader: str) -> tuple[Column, ...]:
    """Return the columns the reader chose, the usual ones when they never did."""
    with transaction(engine) as connection:
        return columns_within(connection, reader)


def columns_within(connection: Connection, reader: str) -> tuple[Column, ...]:
    """Return them inside the caller's transaction."""
    query = select(reader_columns.c.columns).where(reader_columns.c.reader == reader)
    found = connection.execute(query).scalar_one_or_none()
    return USUAL_COLUMNS if found is None else columns(found)


def choose_columns(engine: Engine, reader: str, chosen: Iterable[str]) -> tuple[Column, ...]:
    """Remember the reader's columns and return them, the indispensable ones among them."""
    kept = columns(chosen)
    told = [str(column) for column in kept]
    statement = (
        insert(reader_columns)
        .values(reader=reader, columns=told)
        .on_conflict_do_update(index_elements=["reader"], set_={"columns": told, "changed_at": func.now()})
    )
    with transaction(engine) as connection:
        connection.execute(statement)
    return kept


def _view(found: RowMapping) -> SavedView:
    return SavedView(
        found["id"],
        found["name"],
        found["owner"],
        found["shared"],
        Tab(found["tab"]),
        # A version before 0010 may still write one while this one runs beside it.
        replace(filters_of(found["filters"]), text=""),
        columns(found["columns"]),
    )
