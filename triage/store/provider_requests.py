"""Sign-ins under way at a provider: each is used once, within minutes, by the browser that began it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Engine, delete, func, insert

from triage.store.account_tables import provider_request
from triage.store.engine import transaction

_R = provider_request.c
GOOD_FOR = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Begun:
    """What the answer must fit: the nonce of the ID token, the PKCE verifier, when we asked; and where to go afterwards."""

    nonce: str
    verifier: str
    place: str
    at: datetime


def begin(engine: Engine, digest: bytes, nonce: str, verifier: str, place: str) -> None:
    """Remember a sign-in that begins; those that nobody finished are forgotten."""
    row = {"digest": digest, "nonce": nonce, "verifier": verifier, "place": place}
    with transaction(engine) as connection:
        connection.execute(delete(provider_request).where(_R.begun_at < func.now() - GOOD_FOR))
        connection.execute(insert(provider_request).values(row))


def finish(engine: Engine, digest: bytes) -> Begun | None:
    """Return what was begun under that digest, once; None when there is no such thing or it took too long."""
    query = (
        delete(provider_request)
        .where(_R.digest == digest, _R.begun_at >= func.now() - GOOD_FOR)
        .returning(_R.nonce, _R.verifier, _R.place, _R.begun_at)
    )
    with transaction(engine) as connection:
        found = connection.execute(query).one_or_none()
    return None if found is None else Begun(*found)
