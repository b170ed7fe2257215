"""Stretches of time in SQL, reckoned by the database's clock."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Function, func


def seconds(value: float) -> Function[Any]:
    """Return an SQL interval."""
    return func.make_interval(0, 0, 0, 0, 0, 0, value)
