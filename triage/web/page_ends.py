"""Where a page of the list ended, as the next page's address carries it.

Sealed, because a place in the order is the model's score in other units, and a site may show none; bound to this
installation's secret. Refuses what it did not seal.
"""

from __future__ import annotations

import base64
import hashlib
import json
from datetime import datetime

from cryptography.fernet import Fernet, InvalidToken

from triage.domain.errors import Unprocessable
from triage.domain.worklist import Tab
from triage.store.paging import PageEnd

MOST_LETTERS = 400


class PageEnds:
    """Writes and reads the ends of pages; every web process of a home has the same secret."""

    def __init__(self, secret: bytes) -> None:
        key = hashlib.blake2b(secret, digest_size=32, person=b"page-end").digest()
        self._seal = Fernet(base64.urlsafe_b64encode(key))

    def written(self, end: PageEnd) -> str:
        """Return the page's end as letters for an address."""
        held = [end.tab, end.study_id, end.moment.isoformat(), end.part, end.key]
        return self._seal.encrypt(json.dumps(held).encode()).decode()

    def read(self, spoken: str | None) -> PageEnd | None:
        """Return the page's end, None for the list's beginning; raises Unprocessable for what is none."""
        if spoken is None:
            return None
        try:
            tab, study_id, moment, part, key = json.loads(self._seal.decrypt(spoken.encode(errors="replace")))
        except InvalidToken:
            raise Unprocessable(
                "after", "this list knows no such page: begin again without `after`"
            ) from None
        return PageEnd(Tab(tab), study_id, datetime.fromisoformat(moment), part, key)
