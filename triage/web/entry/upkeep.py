"""Now and then: forgets sessions that are over, tries that no limit remembers, places long left, searches of past shifts and in old views; counts what was done."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from triage.accounts.signing_in import lifetimes
from triage.domain.errors import TriageError
from triage.store import places, queries, saved_views, sessions, tries
from triage.web.room import Room

EVERY_SECONDS = 300.0


async def keep_up(here: Room) -> None:
    """Go on until cancelled; a database that is away is asked again later."""
    while True:
        with suppress(TriageError):
            await asyncio.to_thread(_sweep, here)
        await asyncio.sleep(EVERY_SECONDS)


def _sweep(here: Room) -> None:
    here.tail.follow(here.engine)
    sessions.expire(here.engine, lifetimes(here.settings.access))
    tries.expire(here.engine)
    places.expire(here.engine)
    queries.expire(here.engine)
    saved_views.strip_searches(here.engine)
