"""What a command needs of the running product: settings, database, the acting person. Opened only when asked for."""

from __future__ import annotations

import getpass
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from triage.config import Settings

AGE = re.compile(r"(\d+)([smhd])")
UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


class Session:
    """The product as one command sees it."""

    @cached_property
    def settings(self) -> Settings:
        """Return the settings, with the embedded services' addresses filled in."""
        from triage.config import load_settings
        from triage.embedded.places import with_addresses

        return with_addresses(load_settings())

    @cached_property
    def engine(self) -> Engine:
        """Return the way to the database."""
        from triage.store.engine import connect

        return connect(self.settings.database.url.get_secret_value(), pool_size=1)


@contextmanager
def opened() -> Iterator[Session]:
    """Yield a session and close its database connections."""
    session = Session()
    try:
        yield session
    finally:
        if "engine" in session.__dict__:
            session.engine.dispose()


def acting(actor: str | None) -> str:
    """Return who acts: as named, else the account this runs under."""
    if actor:
        return actor
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"


class Moment(click.ParamType[datetime]):
    """A time: ISO 8601, or an age such as 30m, 2h, 7d."""

    name = "time"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Return the moment, with a time zone."""
        if isinstance(value, datetime):
            return value
        text = str(value)
        if age := AGE.fullmatch(text):
            return datetime.now(UTC) - timedelta(**{UNITS[age[2]]: int(age[1])})
        try:
            return datetime.fromisoformat(text).astimezone()
        except ValueError:
            self.fail(
                f"{text!r} is not a time. Write 2026-11-21T08:30 or an age such as 30m, 2h, 7d.", param, ctx
            )


MOMENT = Moment()
