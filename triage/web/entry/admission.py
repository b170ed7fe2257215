"""The dependency that stands before every route of the page: who asks, and may they."""

from __future__ import annotations

from fastapi import Request

from triage.domain.account import Role, demand, may
from triage.domain.errors import Refused
from triage.web.entry.rights import right_for
from triage.web.reader import Reader
from triage.web.room import room


def admitted(request: Request) -> Reader:
    """Return who asks, once they may do what they ask for; raises TurnedAway or Refused."""
    reader = room(request).door.reader(request)
    # For the answer that says no as well: it is shown to the same person.
    request.state.reader = reader
    right = right_for(request)
    if reader.name:
        demand(reader.role, right, reader.scope)
    elif not may(Role.VIEWER, right):
        raise Refused("no-reader", "Say who you are first.")
    return reader
