"""The time ledger of a study: when each hop was done, by the database's clock.

`reordered` is the transaction that gave the study its place by the answer, before `inferred` where the analysis went
on to measure (and it waits for the person who holds the study). `opened` is the first time a reader took it. `sent` is the first report that a PACS took;
that it is kept there (storage commitment) is not asked, so no time of it is claimed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from triage.domain.outcome import OutcomeLabel

HOPS = ("first_image", "complete", "queued", "inferred", "reordered", "sent", "opened", "read", "reported")


@dataclass(frozen=True, slots=True)
class Ledger:
    """One study. `answer`: FLAGGED, NOT_FLAGGED, ABSTAINED or empty; times are None while the hop is to come."""

    study_id: int
    study_instance_uid: str
    requested_priority: str
    sender: str
    state: str
    arrived: datetime
    first_image: datetime
    complete: datetime | None
    queued: datetime | None
    inferred: datetime | None
    reordered: datetime | None
    sent: datetime | None
    opened: datetime | None
    read: datetime | None
    reported: datetime | None
    answer: str
    probability: float | None
    label: OutcomeLabel | None
