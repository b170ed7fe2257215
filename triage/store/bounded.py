"""Counts that cost the same on the millionth study: exact up to a bound, "more than that" beyond it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, Connection, ScalarSelect, Select, func, literal, select

MOST_COUNTED = 9999


def up_to(rows: Select[Any], most: int = MOST_COUNTED) -> ScalarSelect[int]:
    """Return the count of a query's rows as an expression; `most` + 1 stands for more than that."""
    return select(func.count()).select_from(rows.limit(most + 1).subquery()).scalar_subquery()


def each(
    connection: Connection, conditions: Mapping[str, ColumnElement[bool]], most: int = MOST_COUNTED
) -> dict[str, int]:
    """Return how many rows meet each condition, without those that none meets; an index must know each condition."""
    counted = [up_to(select(literal(1)).where(one), most).label(name) for name, one in conditions.items()]
    found = connection.execute(select(*counted)).mappings().one()
    return {name: int(number) for name, number in found.items() if number}


def spoken(number: int) -> str:
    """Return such a count in figures: 42, or 9999+."""
    return f"{MOST_COUNTED}+" if number > MOST_COUNTED else str(number)
